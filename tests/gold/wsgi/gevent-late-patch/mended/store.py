from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    mapped_column,
    relationship,
    scoped_session,
    sessionmaker,
)

db_session = scoped_session(sessionmaker(autoflush=False))


class Base(DeclarativeBase):
    pass


class Article(Base):
    __tablename__ = "article"
    sku: Mapped[str] = mapped_column(String(20), primary_key=True)
    cents: Mapped[int]


class Order(Base):
    __tablename__ = "customer_order"
    id: Mapped[int] = mapped_column(primary_key=True)
    buyer: Mapped[str] = mapped_column(String(40))
    sku: Mapped[str] = mapped_column(ForeignKey("article.sku"))
    article: Mapped[Article] = relationship()
