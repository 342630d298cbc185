from app import create_app


def test_batch_runs_every_part(tmp_path):
    client = create_app(f"sqlite:///{tmp_path}/crm.db").test_client()
    parts = [
        {"path": "/contacts", "json": {"name": "Ines"}},
        {"path": "/contacts", "json": {"name": "Jaro"}},
    ]

    answer = client.post("/batch", json=parts)

    assert answer.status_code == 200
    assert answer.get_json() == {"id": 1, "statuses": [201, 201]}
