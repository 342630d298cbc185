import gevent


def test_three_clients(app, guests):
    def post(guest):
        body = {"guest": guest, "rooms": ["single", "double"]}
        return app.test_client().post("/api/v1/A", json=body).status_code

    jobs = [gevent.spawn(post, guest) for guest in ("ann", "bob", "cid")]
    gevent.joinall(jobs, timeout=10)

    assert [job.value for job in jobs] == [200, 200, 200]
    assert guests() == ["ann", "bob", "cid"]
