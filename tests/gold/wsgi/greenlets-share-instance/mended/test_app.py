from app import create_app
from models import Leg, Seat, Trip


def test_estimate(tmp_path):
    app = create_app(f"sqlite:///{tmp_path}/trips.db")
    with app.extensions["sessions"].begin() as session:
        trip = Trip(id=7, legs=[Leg(km=120), Leg(km=80)])
        trip.seats = [Seat(guest="Ada", cents=2900), Seat(guest="Bo", cents=1900)]
        session.add(trip)

    answer = app.test_client().post("/trips/7/estimate")

    assert answer.get_json() == {"km": 200, "cents": 4800}
