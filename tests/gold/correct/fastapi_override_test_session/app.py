from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker


class Base(DeclarativeBase):
    pass


class Account(Base):
    __tablename__ = "account"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str]
    frozen: Mapped[bool] = mapped_column(default=False)


SessionLocal = sessionmaker()
app = FastAPI()


def get_db():
    with SessionLocal() as db:
        yield db


@app.post("/accounts/{account_id}/freeze")
def freeze(account_id: int, db: Annotated[Session, Depends(get_db)]):
    account = db.get(Account, account_id)
    if account is None:
        raise HTTPException(404)
    account.frozen = True
    db.commit()
    return {"owner": account.owner, "frozen": account.frozen}
