from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Mapped, mapped_column

db = SQLAlchemy()


class Post(db.Model):
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]


def create_app(url):
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    db.init_app(app)

    @app.post("/posts/<title>")
    def create(title):
        post = Post(title=title)
        db.session.add(post)
        db.session.commit()
        return {"id": post.id}

    @app.get("/posts/<int:post_id>")
    def show(post_id):
        return {"title": db.get_or_404(Post, post_id).title}

    return app
