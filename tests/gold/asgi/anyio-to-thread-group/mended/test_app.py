import anyio
from app import engine, totals
from models import Base


def test_totals():
    Base.metadata.create_all(engine)
    assert anyio.run(totals, ["a", "b"]) == {"a": 0, "b": 0}
