from app import engine, totals
from models import Base


def test_totals():
    Base.metadata.create_all(engine)
    assert totals(["a", "b"]) == [0, 0]
