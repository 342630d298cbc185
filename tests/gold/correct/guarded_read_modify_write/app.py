from sqlalchemy import create_engine, event
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.orm.exc import StaleDataError


class Base(DeclarativeBase):
    pass


class Counter(Base):
    """Optimistic: the UPDATE names the version that was read."""

    __tablename__ = "counter"
    id: Mapped[int] = mapped_column(primary_key=True)
    value: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column()
    __mapper_args__ = {"version_id_col": version}


class Plain(Base):
    __tablename__ = "plain"
    id: Mapped[int] = mapped_column(primary_key=True)
    value: Mapped[int] = mapped_column(default=0)


def immediate_engine(url):
    """Pessimistic: each transaction takes SQLite's write lock before it reads."""
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def no_implicit_begin(dbapi_connection, record):
        dbapi_connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def take_the_write_lock(connection):
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def increment(make_session, model, after_read=lambda: None):
    """Adds one; returns how often it had to start again."""
    for attempt in range(10):
        with make_session() as session:
            counter = session.get_one(model, 1)
            value = counter.value
            if attempt == 0:
                after_read()
            counter.value = value + 1
            try:
                session.commit()
                return attempt
            except StaleDataError:
                session.rollback()
    raise RuntimeError("too busy")
