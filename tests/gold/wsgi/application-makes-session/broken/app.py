from flask import Flask, current_app, jsonify
from sqlalchemy import String, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class Song(Base):
    __tablename__ = "song"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(60))


class Playlists(Flask):
    def __init__(self, url):
        super().__init__(__name__)
        engine = create_engine(url)
        Base.metadata.create_all(engine)
        self.db = Session(engine)  # MEND
        self.add_url_rule("/songs/<title>", view_func=upload, methods=["POST"])
        self.add_url_rule("/songs", view_func=songs)


def upload(title):
    current_app.db.add(Song(title=title))
    current_app.db.commit()
    return "", 201


def songs():
    return jsonify(current_app.db.scalars(select(Song.title)).all())
