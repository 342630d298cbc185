import pytest
from app.db import SessionLocal
from app.models import Ticket
from sqlalchemy import func, select


def sold(concert):
    with SessionLocal() as session:
        query = select(func.count()).where(Ticket.concert_id == concert)
        return session.scalar(query)


@pytest.mark.concurrent_sessions(workers=2)
def test_the_last_ticket_is_sold_once(client, concert):
    assert client.post(f"/tickets/{concert}").status_code in (201, 409)
    assert sold(concert) == 1
