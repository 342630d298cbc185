from sqlalchemy import create_engine, event, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Tag(Base):
    __tablename__ = "tag"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


def make_engine(url):
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def no_implicit_begin(dbapi_connection, record):
        dbapi_connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def explicit_begin(connection):
        connection.exec_driver_sql("BEGIN")

    return engine


def get_or_create(session, name):
    try:
        with session.begin_nested():
            tag = Tag(name=name)
            session.add(tag)
    except IntegrityError:
        tag = session.scalars(select(Tag).where(Tag.name == name)).one()
    return tag


def import_tags(session, names):
    """All or nothing for the caller, whatever the helpers undo inside."""
    with session.begin_nested():
        return [get_or_create(session, name) for name in names]
