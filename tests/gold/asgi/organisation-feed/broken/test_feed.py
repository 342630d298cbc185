import pytest

pytestmark = pytest.mark.asyncio


async def test_feed_joins_all_organisations(client):
    response = await client.get("/users/7/feed")
    assert response.status_code == 200
    assert response.json() == {"items": ["news 1", "news 2", "news 3"]}


async def test_feed_of_a_stranger_is_empty(client):
    response = await client.get("/users/8/feed")
    assert response.json() == {"items": []}
