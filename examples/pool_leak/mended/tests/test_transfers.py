def test_transfer(client):
    answer = client.post("/transfers", json={"from": "ann", "to": "bob", "cents": 200})

    assert answer.status_code == 200
    assert answer.get_json() == {"left": 300}


def test_more_than_there_is(client):
    answer = client.post("/transfers", json={"from": "ann", "to": "bob", "cents": 900})

    assert answer.status_code == 409
    assert client.get("/status").get_json() == {"refused": ["ann has only 500 cents"]}
