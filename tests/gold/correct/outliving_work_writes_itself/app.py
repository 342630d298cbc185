"""Threads that outlive their request, were given its user, and know that it is detached."""

import threading

from flask import Flask
from sqlalchemy import create_engine, update
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "user_account"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(default="Ann")
    state: Mapped[str] = mapped_column(default="new")


def read_only(app, user):
    user.greeting = f"Dear {user.name}"  # not a column


def merge(app, user):
    user.state = "merge"
    with app.session() as session, session.begin():
        session.merge(user)


def add(app, user):
    user.state = "add"
    with app.session() as session, session.begin():
        session.add(user)


def write_and_keep_up(app, user):
    with app.session() as session, session.begin():
        session.get_one(User, user.id).state = "write_and_keep_up"
    user.state = "write_and_keep_up"


def keep_up_both(app, user):
    with app.session() as session, session.begin():
        own = session.get_one(User, user.id)
        own.state = user.state = "keep_up_both"


def update_row(app, user):
    user.state = "update_row"
    with app.session() as session, session.begin():
        session.execute(update(User).where(User.id == user.id).values(state=user.state))


def update_by_connection(app, user):
    user.state = "update_by_connection"
    with app.engine.begin() as connection:
        connection.execute(update(User).where(User.id == user.id).values(state=user.state))


def scratch(app, user):
    user.state = "seen"  # detached before the thread was made: it is plain data


class Users(Flask):
    def __init__(self, url):
        super().__init__(__name__)
        self.engine = create_engine(url)
        self.session = sessionmaker(self.engine, expire_on_commit=False)
        self.threads = []
        self.closed = threading.Event()
        Base.metadata.create_all(self.engine)

    def start(self, work, user):
        def run():
            self.closed.wait(5)
            work(self, user)

        self.threads.append(threading.Thread(target=run))
        self.threads[-1].start()


def create_app(url):
    app = Users(url)

    @app.post("/users/<work>")
    def create(work):
        with app.session() as session:
            user = User()
            session.add(user)
            session.commit()
            app.start(globals()[work], user)
        app.closed.set()
        return {}

    @app.post("/users")
    def create_and_close():
        app.closed.set()
        with app.session() as session:
            user = User()
            session.add(user)
            session.commit()
        app.start(scratch, user)
        return {}

    return app
