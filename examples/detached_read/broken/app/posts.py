from flask import Blueprint, jsonify
from sqlalchemy.exc import SQLAlchemyError

from app.models import Post, db

posts = Blueprint("posts", __name__)


def byline(post):
    try:
        return f"by {post.author.name}"
    except SQLAlchemyError as error:
        print("no byline:", error)
        return "by our staff"


@posts.get("/posts/<int:post_id>")
def show(post_id):
    post = db.session.get(Post, post_id)
    title = post.title
    db.session.close()
    return jsonify(title=title, byline=byline(post))


@posts.post("/posts/<int:post_id>/views")
def count_view(post_id):
    post = db.session.get(Post, post_id)
    post.views += 1
    db.session.commit()
    db.session.remove()
    try:
        views = post.views
    except SQLAlchemyError as error:
        print("no count:", error)
        views = None
    return jsonify(views=views)
