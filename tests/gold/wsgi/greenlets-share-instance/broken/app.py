"""Coach trips: distance and price come from two estimators."""

import gevent
from flask import Flask, jsonify
from models import Base, Trip
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker


def estimate_distance(trip):
    gevent.sleep(0)  # the routing service
    trip.km = sum(leg.km for leg in trip.legs)


def estimate_price(trip):
    gevent.sleep(0)  # the tariff service
    trip.cents = sum(seat.cents for seat in trip.seats)


def create_app(url):
    app = Flask(__name__)
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    new_session = app.extensions["sessions"] = sessionmaker(engine)

    @app.post("/trips/<int:trip_id>/estimate")
    def estimate(trip_id):
        with new_session() as session:
            trip = session.get_one(Trip, trip_id)
            jobs = [gevent.spawn(step, trip) for step in (estimate_distance, estimate_price)]  # MEND
            gevent.joinall(jobs, raise_error=True)
            answer = jsonify(km=trip.km, cents=trip.cents)
            session.commit()
            return answer

    return app
