import threading

from flask import Flask, current_app, jsonify, request
from mail import Mailer, send_welcome
from sqlalchemy import String, create_engine
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    mapped_column,
    scoped_session,
    sessionmaker,
)

factory = sessionmaker()
db_session = scoped_session(factory)


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "user_account"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40))
    email: Mapped[str] = mapped_column(String(120))


def sign_up():
    user = User(**request.get_json())
    email, name = user.email, user.name
    db_session.add(user)
    db_session.commit()
    mailer = current_app.extensions["mailer"]
    thread = threading.Thread(target=send_welcome, args=(mailer, email, name))
    mailer.run(thread)
    return jsonify(status="welcome"), 201


def create_app(url):
    app = Flask(__name__)
    app.extensions["mailer"] = Mailer()
    app.add_url_rule("/users", view_func=sign_up, methods=["POST"])
    app.teardown_appcontext(lambda exc: db_session.remove())
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    factory.configure(bind=engine)
    return app
