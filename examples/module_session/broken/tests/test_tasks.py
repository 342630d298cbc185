def test_finished_tasks_leave_the_list(client):
    first = client.post("/tasks", json={"title": "water the plants"}).get_json()["id"]
    client.post("/tasks", json={"title": "call Ida"})

    assert client.patch(f"/tasks/{first}", json={"done": True}).status_code == 204

    assert client.get("/tasks").get_json() == ["call Ida"]


def test_a_task_needs_a_title(client):
    task = client.post("/tasks", json={"title": "buy milk"}).get_json()["id"]

    assert client.patch(f"/tasks/{task}", json={"title": " "}).status_code == 400
