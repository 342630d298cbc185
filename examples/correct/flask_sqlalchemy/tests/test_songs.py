from concurrent.futures import ThreadPoolExecutor


def test_one_after_the_other(app):
    client = app.test_client()
    assert client.post("/songs/yesterday/plays").get_json() == {"plays": 1}
    assert client.post("/songs/yesterday/plays").get_json() == {"plays": 2}


def test_three_at_once(app):
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda title: app.test_client().post(f"/songs/{title}/plays"), "abc"))

    assert app.test_client().get("/songs").get_json() == ["a", "b", "c"]
