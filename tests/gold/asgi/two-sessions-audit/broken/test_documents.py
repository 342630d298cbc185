import pytest

pytestmark = pytest.mark.asyncio


async def test_each_access_is_counted(client):
    for _ in range(2):
        assert (await client.get("/documents/1")).json() == {"body": "hello"}
    assert (await client.get("/documents/1/accesses")).json() == {"count": 2}


async def test_a_missing_document(client):
    assert (await client.get("/documents/2")).status_code == 404
