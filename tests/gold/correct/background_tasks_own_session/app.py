from typing import Annotated

from fastapi import BackgroundTasks, Depends, FastAPI
from sqlalchemy import update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker


class Base(DeclarativeBase):
    pass


class Mail(Base):
    __tablename__ = "mail"
    id: Mapped[int] = mapped_column(primary_key=True)
    receiver: Mapped[str]
    sent: Mapped[bool] = mapped_column(default=False)


SessionLocal = sessionmaker()
app = FastAPI()


def get_db():
    with SessionLocal() as db:
        yield db


Db = Annotated[Session, Depends(get_db)]


def deliver(mail_id: int):
    with SessionLocal.begin() as own:
        own.execute(update(Mail).where(Mail.id == mail_id).values(sent=True))


@app.post("/mails/{receiver}")
def post(receiver: str, db: Db, background: BackgroundTasks):
    mail = Mail(receiver=receiver)
    db.add(mail)
    db.flush()
    mail_id = mail.id
    db.commit()
    background.add_task(deliver, mail_id)
    return {"id": mail_id}


@app.get("/mails/{mail_id}")
def show(mail_id: int, db: Db):
    mail = db.get_one(Mail, mail_id)
    return {"receiver": mail.receiver, "sent": mail.sent}
