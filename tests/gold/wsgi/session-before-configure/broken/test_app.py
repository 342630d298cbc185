from app import create_app


def test_default_flags(tmp_path):
    client = create_app(f"sqlite:///{tmp_path}/flags.db").test_client()

    assert client.get("/flags").get_json() == {"banner": False, "signup": True}
