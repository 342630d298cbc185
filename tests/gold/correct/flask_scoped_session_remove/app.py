from flask import Flask, abort
from sqlalchemy import select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    mapped_column,
    scoped_session,
    sessionmaker,
)


class Base(DeclarativeBase):
    pass


class City(Base):
    __tablename__ = "city"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


Session = scoped_session(sessionmaker())
app = Flask(__name__)


@app.teardown_appcontext
def remove_session(error=None):
    Session.remove()


@app.post("/cities/<name>")
def add(name):
    Session.add(City(name=name))
    if name == "nowhere":
        Session.flush()
        abort(422)
    Session.commit()
    return "", 201


@app.get("/cities")
def names():
    return list(Session.scalars(select(City.name).order_by(City.name)))
