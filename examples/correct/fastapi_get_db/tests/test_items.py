from concurrent.futures import ThreadPoolExecutor


def test_create_and_show(client):
    number = client.post("/items/lamp").json()["id"]

    assert client.get(f"/items/{number}").json() == {"title": "lamp"}
    assert client.get("/items/99").status_code == 404


def test_four_at_once(client):
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda title: client.post(f"/items/{title}"), "abcd"))

    assert [answer.status_code for answer in answers] == [201] * 4
    assert client.get("/items").json() == ["a", "b", "c", "d"]
