import pytest
from fastapi.testclient import TestClient
from ticker import create_app


@pytest.fixture
def client(tmp_path):
    with TestClient(create_app(f"sqlite+aiosqlite:///{tmp_path}/prices.db")) as client:
        yield client


def test_prices_come_in_the_order_asked(client):
    with client.websocket_connect("/ticker") as socket:
        assert sorted(socket.receive_json()["symbols"]) == ["JAM", "TEA"]
        socket.send_text("TEA,JAM,OIL")
        assert socket.receive_json() == {"symbol": "TEA", "cents": 310}
        assert socket.receive_json() == {"symbol": "JAM", "cents": 250}
        assert socket.receive_json() == {"symbol": "OIL", "cents": None}
