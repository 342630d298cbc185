from flask import Flask, current_app
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Mapped, mapped_column

db = SQLAlchemy()


class Setting(db.Model):
    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class Order(db.Model):
    id: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(default="new")


def read_setting(app, name):
    """A helper that is also called by scripts, hence a context of its own."""
    with app.app_context():
        setting = db.session.get(Setting, name)
        return setting.value if setting else None


def create_app(url):
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    db.init_app(app)

    @app.post("/orders/<int:order_id>/ship")
    def ship(order_id):
        order = db.get_or_404(Order, order_id)
        db.session.commit()
        carrier = read_setting(current_app._get_current_object(), "carrier")
        order.state = f"shipped with {carrier}"
        db.session.commit()
        return {"state": order.state}

    return app
