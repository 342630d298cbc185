from app import Account, Message, create_app, factory


def test_messages_go_with_the_account(tmp_path):
    app = create_app(f"sqlite:///{tmp_path}/mail.db")
    with factory.begin() as session:
        session.add(Account(id=1))
        session.flush()
        session.add_all([Message(account_id=1), Message(account_id=1)])
    client = app.test_client()
    assert client.get("/accounts/1/messages").get_json() == 2

    assert client.delete("/accounts/1").status_code == 202
    assert app.extensions["scheduler"].tick()

    assert client.get("/accounts/1/messages").get_json() == 0
