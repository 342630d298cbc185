from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

db = SQLAlchemy()


class Basket(db.Model):
    id: Mapped[int] = mapped_column(primary_key=True)
    items: Mapped[list["Item"]] = relationship(back_populates="basket")


class Item(db.Model):
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    basket_id: Mapped[int] = mapped_column(ForeignKey("basket.id"))
    basket: Mapped[Basket] = relationship(back_populates="items")


def create_app(url):
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    db.init_app(app)

    @app.put("/baskets/<int:basket_id>/<name>")
    def put(basket_id, name):
        basket = db.get_or_404(Basket, basket_id)
        basket.items.append(Item(name=name))
        db.session.commit()
        return {"items": sorted(item.name for item in basket.items)}

    return app
