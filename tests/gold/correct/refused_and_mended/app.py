from sqlalchemy import select
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, object_session
from sqlalchemy.orm.exc import DetachedInstanceError


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


def gotten(session, user, key):
    try:
        return user.name
    except DetachedInstanceError:
        return session.get(User, key).name


def queried(session, user, key):
    try:
        return user.name
    except DetachedInstanceError:
        return session.scalars(select(User).where(User.id == key)).one().name


def queried_after(session, user, key):
    name = None
    try:
        name = user.name
    except DetachedInstanceError:
        pass
    return name or session.query(User).filter_by(id=key).one().name


def asked_deeper(session, user, key):
    try:
        return _name(user)
    except DetachedInstanceError:
        return session.get(User, key).name


def _name(user):
    return user.name


async def gotten_async(session, user, key):
    try:
        return user.name
    except DetachedInstanceError:
        return (await session.get(User, key)).name


def rename_merged(session, user, name):
    try:
        session.add(user)
    except InvalidRequestError:
        user = session.merge(user)
    user.name = name
    session.commit()


def rename_moved(session, user, name):
    try:
        session.add(user)
    except InvalidRequestError:
        object_session(user).expunge(user)
        session.add(user)
    user.name = name
    session.commit()
