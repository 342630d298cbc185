import os

from sqlalchemy import create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

engine = create_engine(os.environ["CONCEPTS_DB"])
new_session = sessionmaker(engine)


class Base(DeclarativeBase):
    pass


class Concept(Base):
    __tablename__ = "concepts"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


def get_concepts(ids: list[int], session: Session = new_session()) -> list[dict]:  # noqa: B008  # MEND
    query = select(Concept).where(Concept.id.in_(ids)).order_by(Concept.id)
    return [{"id": concept.id, "name": concept.name} for concept in session.scalars(query)]
