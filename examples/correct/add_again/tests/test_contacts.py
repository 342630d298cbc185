def test_change_mail(client):
    ida = {"name": "Ida", "mail": "ida@example.org"}
    number = client.post("/contacts", json=ida).get_json()["id"]

    answer = client.patch(f"/contacts/{number}", json={"mail": "ida@example.com"})

    assert answer.get_json() == {"name": "Ida", "mail": "ida@example.com"}
