def test_three_steps(client):
    number = client.post("/applications", json={"name": "Ida"}).get_json()["id"]
    street = {"street": "12 Elm Road"}
    assert client.put(f"/applications/{number}/street", json=street).status_code == 204

    answer = client.post(f"/applications/{number}/signature")

    assert answer.get_json() == {"name": "Ida", "street": "12 Elm Road"}
