from flask import Flask, jsonify, request
from ledger import Ledger


def create_app(url):
    app = Flask(__name__)
    ledger = app.extensions["ledger"] = Ledger(url)

    @app.post("/accounts/<account>/postings")
    def book(account):
        ledger.book(account, request.get_json()["cents"])
        return jsonify(balance=ledger.balance(account)), 201

    @app.get("/accounts/<account>")
    def show(account):
        return jsonify(balance=ledger.balance(account))

    return app
