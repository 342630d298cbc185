from app import create_app


def test_tenants_see_their_own_tickets(tmp_path):
    client = create_app(f"sqlite:///{tmp_path}/desk.db").test_client()
    acme = {"X-Tenant": "acme"}
    globex = {"X-Tenant": "globex"}

    client.post("/tickets", json={"subject": "no heat"}, headers=acme)
    client.post("/tickets", json={"subject": "lost key"}, headers=globex)

    assert client.get("/tickets", headers=acme).get_json() == ["no heat"]
    assert client.get("/tickets", headers=globex).get_json() == ["lost key"]
