import gevent
from flask import Flask, g
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


class Bid(Base):
    __tablename__ = "bid"
    id: Mapped[int] = mapped_column(primary_key=True)
    bidder: Mapped[str]


Session = scoped_session(sessionmaker())
app = Flask(__name__)


@app.teardown_appcontext
def remove(error=None):
    Session.remove()


@app.post("/bids/<bidder>")
def bid(bidder):
    g.session = Session()
    before = Session.scalar(select(func.count(Bid.id)).where(Bid.bidder == bidder))
    gevent.sleep(0.001)  # stands for a call to another service
    Session.add(Bid(bidder=bidder))
    Session.commit()
    gevent.sleep(0)
    query = select(func.count(Bid.id)).where(Bid.bidder == bidder)
    assert Session() is g.session
    return {"before": before, "after": Session.scalar(query)}
