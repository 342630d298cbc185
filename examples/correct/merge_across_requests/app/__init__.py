import os

from flask import Flask, jsonify, request
from sqlalchemy import String, create_engine
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    mapped_column,
    scoped_session,
    sessionmaker,
)

engine = create_engine(os.environ.get("DATABASE_URL", "sqlite:///wizard.db"))
db = scoped_session(sessionmaker(engine))


class Base(DeclarativeBase):
    pass


class Application(Base):
    __tablename__ = "application"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(60))
    street: Mapped[str] = mapped_column(String(60), default="")
    signed: Mapped[bool] = mapped_column(default=False)


app = Flask(__name__)
drafts: dict[int, Application] = {}


@app.post("/applications")
def begin():
    draft = Application(name=request.get_json()["name"])
    db.add(draft)
    db.commit()
    db.refresh(draft)
    drafts[draft.id] = draft
    return jsonify(id=draft.id), 201


@app.put("/applications/<int:number>/street")
def set_street(number):
    drafts[number].street = request.get_json()["street"]
    return "", 204


@app.post("/applications/<int:number>/signature")
def sign(number):
    application = db.merge(drafts.pop(number))
    application.signed = True
    db.commit()
    return jsonify(name=application.name, street=application.street)


@app.teardown_appcontext
def remove_session(error):
    db.remove()
