from sqlalchemy import String
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    mapped_column,
    scoped_session,
    sessionmaker,
)

DBSession = scoped_session(sessionmaker())
DBSession().info["source"] = "web"  # MEND


class Base(DeclarativeBase):
    pass


class Flag(Base):
    __tablename__ = "flag"
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    enabled: Mapped[bool]
