def test_post(app, guests):
    answer = app.test_client().post(
        "/api/v1/A", json={"guest": "ann", "rooms": ["single", "double"]}
    )

    assert answer.status_code == 200
    assert answer.get_json() == {"cents": 20000}
    assert guests() == ["ann"]
