import gevent
from sqlalchemy import String, create_engine, event
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker


class Base(DeclarativeBase):
    pass


class Reading(Base):
    __tablename__ = "reading"
    id: Mapped[int] = mapped_column(primary_key=True)
    sensor: Mapped[str] = mapped_column(String(20))
    value: Mapped[float]


def make_engine(url):
    engine = create_engine(url)

    # sqlite blocks the hub while it works, so give the others their turn first
    @event.listens_for(engine, "before_cursor_execute")
    def let_others_run(*args):
        gevent.sleep(0)

    return engine


SessionLocal = sessionmaker()
