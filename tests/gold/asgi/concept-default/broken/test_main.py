def test_concepts(client):
    assert client.get("/concepts?ids=1").json() == [{"id": 1, "name": "asthma"}]
    assert client.get("/concepts?ids=7").json() == []


def test_names(client):
    assert client.get("/concepts/names?ids=1&ids=2").json() == ["asthma", "flu"]
