from flask import Blueprint, Flask, jsonify, request
from sqlalchemy import create_engine, select
from store import Article, Base, Order, db_session

orders = Blueprint("orders", __name__)


@orders.post("/orders")
def place_order():
    params = request.get_json()
    order = Order(buyer=params["buyer"], sku=params["sku"])
    db_session.add(order)
    db_session.flush()
    cents = db_session.scalar(select(Article.cents).where(Article.sku == order.sku))
    try:
        db_session.commit()
    except Exception:
        db_session.rollback()
        return jsonify(error="try again"), 500
    return jsonify(id=order.id, cents=cents), 201


def create_app(url):
    app = Flask(__name__)
    app.register_blueprint(orders)
    engine = create_engine(url)
    db_session.configure(bind=engine)
    Base.metadata.create_all(engine)

    @app.teardown_appcontext
    def remove_session(exc):
        db_session.remove()

    return app
