from flask import Flask, current_app, jsonify
from sqlalchemy import String, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker


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
        self.sessions = sessionmaker(engine)
        self.add_url_rule("/songs/<title>", view_func=upload, methods=["POST"])
        self.add_url_rule("/songs", view_func=songs)


def upload(title):
    with current_app.sessions.begin() as session:
        session.add(Song(title=title))
    return "", 201


def songs():
    with current_app.sessions() as session:
        return jsonify(session.scalars(select(Song.title)).all())
