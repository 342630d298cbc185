"""Coach trips: distance and price come from two estimators."""

import gevent
from flask import Flask, jsonify
from models import Base, Trip
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker


def estimate_distance(legs):
    gevent.sleep(0)  # the routing service
    return sum(legs)


def estimate_price(seats):
    gevent.sleep(0)  # the tariff service
    return sum(seats)


def create_app(url):
    app = Flask(__name__)
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    new_session = app.extensions["sessions"] = sessionmaker(engine)

    @app.post("/trips/<int:trip_id>/estimate")
    def estimate(trip_id):
        with new_session() as session:
            trip = session.get_one(Trip, trip_id)
            km = gevent.spawn(estimate_distance, [leg.km for leg in trip.legs])
            cents = gevent.spawn(estimate_price, [seat.cents for seat in trip.seats])
            gevent.joinall([km, cents], raise_error=True)
            trip.km, trip.cents = km.value, cents.value
            answer = jsonify(km=trip.km, cents=trip.cents)
            session.commit()
            return answer

    return app
