import os

from flask import Flask, jsonify, request
from sqlalchemy import String, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker

engine = create_engine(os.environ.get("DATABASE_URL", "sqlite:///import.db"))
SessionLocal = sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    pass


class Contact(Base):
    __tablename__ = "contact"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(60))
    mail: Mapped[str] = mapped_column(String(120))


def load(contact_id):
    with SessionLocal() as session:
        return session.get(Contact, contact_id)


def save(contact):
    with SessionLocal.begin() as session:
        session.add(contact)


app = Flask(__name__)


@app.post("/contacts")
def create():
    contact = Contact(**request.get_json())
    save(contact)
    return jsonify(id=contact.id), 201


@app.patch("/contacts/<int:contact_id>")
def change(contact_id):
    contact = load(contact_id)
    contact.mail = request.get_json()["mail"]
    save(contact)
    return jsonify(name=contact.name, mail=contact.mail)
