import csv
import io

from flask import Flask, Response
from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker


class Base(DeclarativeBase):
    pass


class Reading(Base):
    __tablename__ = "reading"
    id: Mapped[int] = mapped_column(primary_key=True)
    value: Mapped[int]


SessionLocal = sessionmaker()
app = Flask(__name__)


def rows(session):
    for reading in session.scalars(select(Reading).execution_options(yield_per=2)):
        line = io.StringIO()
        csv.writer(line).writerow([reading.id, reading.value])
        yield line.getvalue()


@app.get("/readings.csv")
def export():
    session = SessionLocal()
    response = Response(rows(session), mimetype="text/csv")
    response.call_on_close(session.close)
    return response
