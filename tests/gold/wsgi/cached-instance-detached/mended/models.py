from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    mapped_column,
    relationship,
    scoped_session,
    sessionmaker,
)

db = scoped_session(sessionmaker())


class Base(DeclarativeBase):
    pass


class Game(Base):
    __tablename__ = "game"
    id: Mapped[int] = mapped_column(primary_key=True)
    short: Mapped[str] = mapped_column(String(20), unique=True)
    mods: Mapped[list["Mod"]] = relationship(back_populates="game")


class Mod(Base):
    __tablename__ = "mod"
    id: Mapped[int] = mapped_column(primary_key=True)
    game_id: Mapped[int] = mapped_column(ForeignKey("game.id"))
    name: Mapped[str] = mapped_column(String(60))
    game: Mapped[Game] = relationship(back_populates="mods")
