"""A kiosk: one process, one thread (`app.run(threaded=False)`), one Session."""

from flask import Flask
from sqlalchemy import StaticPool, create_engine, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class Press(Base):
    __tablename__ = "press"
    id: Mapped[int] = mapped_column(primary_key=True)
    button: Mapped[str]


engine = create_engine("sqlite://", poolclass=StaticPool)
session = Session(engine)
session.info["sessionguard"] = "shared by design"
app = Flask(__name__)


@app.post("/press/<button>")
def press(button):
    with session.begin():
        session.add(Press(button=button))
    return total(button)


@app.get("/press/<button>")
def total(button):
    with session.begin():
        query = select(func.count(Press.id)).where(Press.button == button)
        return {"total": session.scalar(query)}


def main():
    Base.metadata.create_all(engine)
    app.run(threaded=False)
