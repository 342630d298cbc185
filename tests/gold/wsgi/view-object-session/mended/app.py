from flask import Flask, jsonify, request
from sqlalchemy import create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker


class Base(DeclarativeBase):
    pass


class Room(Base):
    __tablename__ = "room"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class RoomService:
    def __init__(self, open_session):
        self.open_session = open_session

    def names(self):
        with self.open_session() as session:
            return list(session.scalars(select(Room.name)))

    def add(self, name):
        with self.open_session.begin() as session:
            session.add(Room(name=name))


class RoomController:
    def __init__(self, service):
        self.service = service

    def index(self):
        return jsonify(self.service.names())

    def create(self):
        self.service.add(request.get_json()["name"])
        return jsonify({}), 201


def create_app(url):
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    rooms = RoomController(RoomService(sessionmaker(engine)))
    app = Flask(__name__)
    app.add_url_rule("/rooms", "index", rooms.index)
    app.add_url_rule("/rooms", "create", rooms.create, methods=["POST"])
    return app
