from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    mapped_column,
    scoped_session,
    sessionmaker,
)


class Base(DeclarativeBase):
    pass


class Visit(Base):
    __tablename__ = "visit"
    id: Mapped[int] = mapped_column(primary_key=True)
    page: Mapped[str]


Session = scoped_session(sessionmaker())
app = Flask(__name__)


@app.after_request
def commit(response):
    # Ends the transaction and expires everything, for reads as well as for writes.
    Session.commit() if response.status_code < 400 else Session.rollback()
    return response


@app.errorhandler(Exception)
def failed(error):
    return {"error": str(error)}, 500


@app.post("/visits/<page>")
def visit(page):
    Session.add(Visit(page=page))
    Session.flush()
    if page == "broken":
        raise RuntimeError("no such page")
    return {"visits": Session.scalar(select(func.count(Visit.id)))}
