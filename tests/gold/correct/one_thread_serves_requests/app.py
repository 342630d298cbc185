from concurrent.futures import ThreadPoolExecutor

from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class Line(Base):
    __tablename__ = "line"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]


session = Session()
database = ThreadPoolExecutor(max_workers=1)
app = Flask(__name__)


def write(text):
    session.add(Line(text=text))
    session.commit()
    return session.scalar(select(func.count(Line.id)))


@app.post("/<text>")
def add(text):
    return str(database.submit(write, text).result(5))
