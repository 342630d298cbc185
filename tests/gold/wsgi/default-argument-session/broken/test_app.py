def test_profit_adds_up(client):
    client.post("/trades", json={"pair": "BTC/EUR", "profit": 30})
    client.post("/trades", json={"pair": "ETH/EUR", "profit": -5})

    assert client.get("/profit").get_json() == {"profit": 25}


def test_no_trades_no_profit(client):
    assert client.get("/profit").get_json() == {"profit": 0}
