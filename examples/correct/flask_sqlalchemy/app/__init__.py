from flask import Flask, jsonify
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, mapped_column

db = SQLAlchemy()


class Song(db.Model):
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(80), unique=True)
    plays: Mapped[int] = mapped_column(default=0)


def create_app(url="sqlite:///songs.db"):
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    db.init_app(app)

    @app.post("/songs/<title>/plays")
    def play(title):
        song = db.session.scalar(select(Song).where(Song.title == title))
        if song is None:
            song = Song(title=title, plays=0)
            db.session.add(song)
        song.plays += 1
        db.session.commit()
        return jsonify(plays=song.plays)

    @app.get("/songs")
    def songs():
        return jsonify(list(db.session.scalars(select(Song.title).order_by(Song.title))))

    return app
