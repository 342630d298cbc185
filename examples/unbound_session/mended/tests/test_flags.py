def test_flags(client):
    answer = client.get("/flags")

    assert answer.status_code == 200
    assert answer.get_json() == {"beta-search": False, "signup": True}
