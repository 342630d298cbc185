from flask import Flask

from app.models import db
from app.posts import posts


def create_app(url="sqlite:///blog.db"):
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    db.init_app(app)
    app.register_blueprint(posts)
    return app
