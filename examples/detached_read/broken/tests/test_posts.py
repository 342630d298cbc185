def test_show(client):
    answer = client.get("/posts/1")

    assert answer.status_code == 200
    assert answer.get_json()["title"] == "Hello"
    assert answer.get_json()["byline"].startswith("by ")


def test_count_view(client):
    answer = client.post("/posts/1/views")

    assert answer.status_code == 200
    assert "views" in answer.get_json()
