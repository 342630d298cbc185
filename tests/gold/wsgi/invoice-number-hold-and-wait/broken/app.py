from billing import Customer, Invoice, SessionLocal, connect, next_number
from flask import Flask, jsonify, request


def create_app(url):
    app = Flask(__name__)
    connect(url)

    @app.post("/customers/<int:customer_id>/invoices")
    def bill(customer_id):
        with SessionLocal() as session:
            customer = session.get(Customer, customer_id)  # MEND
            if customer is None:
                return jsonify(error="no such customer"), 404
            number = next_number()
            cents = request.get_json()["cents"]
            session.add(Invoice(number=number, customer_id=customer_id, cents=cents))
            session.commit()
        return jsonify(number=number), 201

    return app
