from flask import Flask
from sqlalchemy import create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, scoped_session, sessionmaker


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "user_account"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


factory = sessionmaker()
db_session = scoped_session(factory)


def names():
    return list(db_session.scalars(select(User.name)))


def create_app(url):
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    factory.configure(bind=engine)
    app = Flask(__name__)
    app.add_url_rule("/users", view_func=names)
    app.teardown_appcontext(lambda exc: db_session.remove())
    return app
