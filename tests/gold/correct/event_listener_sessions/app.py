import asyncio

from sqlalchemy import event, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class Setting(Base):
    __tablename__ = "setting"
    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class Upload(Base):
    __tablename__ = "upload"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    store: Mapped[str] = mapped_column(default="local")


class UploadSession(Session):
    """Puts the store that is set at present into each new upload."""


@event.listens_for(UploadSession, "before_flush")
def choose_store(session, context, instances):
    with Session(session.get_bind()) as other:
        store = other.get(Setting, "store").value
    for upload in session.new:
        upload.store = store


def announce_commits(async_session, make_session, tasks, seen):
    """After each commit a task of its own reads, with its own session."""

    async def announce():
        async with make_session() as own:
            seen.append(await own.scalar(select(func.count(Upload.id))))

    @event.listens_for(async_session.sync_session, "after_commit")
    def spawn(session):
        tasks.append(asyncio.get_running_loop().create_task(announce()))
