from bus import Bus
from flask import Flask, g, jsonify, request
from sqlalchemy import String, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker


class Base(DeclarativeBase):
    pass


class Notice(Base):
    __tablename__ = "notice"
    id: Mapped[int] = mapped_column(primary_key=True)
    member: Mapped[str] = mapped_column(String(40))
    text: Mapped[str] = mapped_column(String(200))


def create_app(url):
    app = Flask(__name__)
    bus = Bus()
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    new_session = sessionmaker(engine)

    @app.before_request
    def open_session():
        g.session = new_session()

    @app.teardown_request
    def close_session(exc):
        g.session.close()

    @app.put("/watchers/<member>/<topic>")
    def watch(member, topic):
        query = select(Notice.id).where(Notice.member == member).limit(1)
        known = g.session.scalar(query) is not None

        def remember(text):
            g.session.add(Notice(member=member, text=text))
            g.session.commit()

        bus.subscribe(topic, remember)
        return jsonify(known=known), 201

    @app.post("/topics/<topic>")
    def post(topic):
        bus.publish(topic, text=request.get_json()["text"])
        return "", 204

    @app.get("/notices/<member>")
    def notices(member):
        query = select(Notice.text).where(Notice.member == member)
        return jsonify(list(g.session.scalars(query)))

    return app
