"""E-book shelf, served by gevent.pywsgi without monkey patching."""

from flask import Flask, current_app, jsonify
from library import Base, Volume, calibre_db
from sqlalchemy import create_engine


def refresh_cover(volume_id):
    volume = calibre_db.get(Volume, volume_id)
    if volume is None:
        return jsonify(error="no such volume"), 404
    cover = current_app.config["COVERS"].search(volume.title)
    volume.cover = cover
    calibre_db.commit()
    return jsonify(cover=cover)


def create_app(url, covers):
    app = Flask(__name__)
    app.config["COVERS"] = covers
    app.add_url_rule("/volumes/<int:volume_id>/cover", "cover", refresh_cover, methods=["POST"])
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    calibre_db.configure(bind=engine)
    app.teardown_appcontext(lambda exc: calibre_db.remove())
    return app
