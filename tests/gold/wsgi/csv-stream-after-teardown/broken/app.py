from flask import Blueprint, Flask, Response, jsonify, stream_with_context
from models import Base, Sale, Shop, db_session
from sqlalchemy import create_engine, select

exports = Blueprint("exports", __name__)


def csv(rows):
    return Response(rows, mimetype="text/csv")


@exports.get("/shops/<int:shop_id>/sales.csv")
def sales(shop_id):
    session = db_session()  # MEND
    if session.get(Shop, shop_id) is None:
        return jsonify(error="no such shop"), 404

    def rows():
        yield "id,cents\n"
        query = select(Sale).where(Sale.shop_id == shop_id).order_by(Sale.id)
        for sale in session.scalars(query):
            yield f"{sale.id},{sale.cents}\n"
        session.close()

    return csv(rows())  # MEND


@exports.get("/shops.csv")
def shops():
    @stream_with_context
    def rows():
        yield "id,name\n"
        for shop in db_session.scalars(select(Shop).order_by(Shop.id)):
            yield f"{shop.id},{shop.name}\n"

    return csv(rows())


def create_app(url):
    app = Flask(__name__)
    app.register_blueprint(exports)
    app.teardown_appcontext(lambda exc: db_session.remove())
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    db_session.configure(bind=engine)
    return app
