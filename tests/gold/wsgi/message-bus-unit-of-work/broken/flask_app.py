from allocation import MessageBus, UnitOfWork
from flask import Flask, jsonify

app = Flask(__name__)
bus = MessageBus(UnitOfWork())


@app.post("/batches/<sku>")
def add_batch(sku):
    bus.add_batch(sku)
    return "", 201


@app.get("/batches/<sku>")
def stock(sku):
    return jsonify(bus.stock(sku))
