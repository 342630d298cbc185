def test_login(client):
    form = {"email": "ida@example.org", "password": "secret"}
    assert client.post("/login", json=form).status_code == 204


def test_wrong_password(client):
    form = {"email": "ida@example.org", "password": "guess"}
    answer = client.post("/login", json=form)
    assert answer.status_code == 400
    assert answer.get_json() == {"error": "Invalid email or password"}
