from concurrent.futures import ThreadPoolExecutor


def test_three_clients(app, guests):
    def post(guest):
        body = {"guest": guest, "rooms": ["single", "double"]}
        return app.test_client().post("/api/v1/A", json=body).status_code

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(post, ("ann", "bob", "cid"))) == [200, 200, 200]
    assert guests() == ["ann", "bob", "cid"]
