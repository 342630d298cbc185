from typing import Annotated

from fastapi import Depends, FastAPI
from fastapi.responses import StreamingResponse
from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker


class Base(DeclarativeBase):
    pass


class Frame(Base):
    __tablename__ = "frame"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]


SessionLocal = sessionmaker()
app = FastAPI()


def get_db():
    with SessionLocal() as db:
        yield db


def frames(db):
    for frame in db.scalars(select(Frame).execution_options(yield_per=2)):
        yield frame.text


@app.get("/movie")
def movie(db: Annotated[Session, Depends(get_db)]):
    return StreamingResponse(frames(db), media_type="text/plain")
