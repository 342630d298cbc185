from typing import Annotated

from fastapi import Depends, FastAPI
from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker


class Base(DeclarativeBase):
    pass


class Note(Base):
    __tablename__ = "note"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]


SessionLocal = sessionmaker()
app = FastAPI()


def get_db():
    db = SessionLocal()
    try:
        yield db
    finally:
        db.close()


Db = Annotated[Session, Depends(get_db)]


@app.post("/notes/{text}")
def add_note(text: str, db: Db):
    note = Note(text=text)
    db.add(note)
    db.commit()
    return {"id": note.id, "text": note.text}


@app.get("/notes")
def list_notes(db: Db):
    return [note.text for note in db.scalars(select(Note).order_by(Note.text))]
