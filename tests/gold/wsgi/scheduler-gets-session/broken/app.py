from flask import Flask, current_app, jsonify
from scheduler import Scheduler
from sqlalchemy import ForeignKey, String, create_engine, delete, func, select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    mapped_column,
    scoped_session,
    sessionmaker,
)

factory = sessionmaker()
db = scoped_session(factory)


class Base(DeclarativeBase):
    pass


class Account(Base):
    __tablename__ = "account"
    id: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(String(10), default="open")


class Message(Base):
    __tablename__ = "message"
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))


def purge(session, account_id):
    session.execute(delete(Message).where(Message.account_id == account_id))
    session.commit()


def close_account(account_id):
    account = db.get(Account, account_id)
    account.state = "closed"
    db.commit()
    scheduler = current_app.extensions["scheduler"]
    scheduler.add_job(purge, db(), account_id)  # MEND
    return "", 202


def count_messages(account_id):
    query = select(func.count()).select_from(Message)
    return jsonify(db.scalar(query.where(Message.account_id == account_id)))


def create_app(url):
    app = Flask(__name__)
    app.extensions["scheduler"] = Scheduler()
    app.add_url_rule("/accounts/<int:account_id>", view_func=close_account, methods=["DELETE"])
    app.add_url_rule("/accounts/<int:account_id>/messages", view_func=count_messages)
    app.teardown_appcontext(lambda exc: db.remove())
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    factory.configure(bind=engine)
    return app
