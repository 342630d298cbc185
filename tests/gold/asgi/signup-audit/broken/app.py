from typing import Annotated

from fastapi import BackgroundTasks, Depends, FastAPI
from sqlalchemy import create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker
from sqlalchemy.pool import StaticPool

engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
SessionLocal = sessionmaker(engine)
app = FastAPI()


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str]


class AuditEntry(Base):
    __tablename__ = "audit_entries"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]


def get_db():
    db = SessionLocal()
    try:
        yield db
        db.commit()
    finally:
        db.close()


# Commit before the response is sent: a client must find what it was told exists.
Db = Annotated[Session, Depends(get_db, scope="function")]


def write_audit(db: Session, text: str) -> None:
    db.add(AuditEntry(text=text))
    db.commit()


@app.post("/users", status_code=201)
def sign_up(email: str, db: Db, background_tasks: BackgroundTasks):
    user = User(email=email)
    db.add(user)
    db.flush()
    background_tasks.add_task(write_audit, db, f"signed up: {email}")  # MEND
    return {"id": user.id}


@app.get("/audit")
def audit(db: Db):
    return list(db.scalars(select(AuditEntry.text).order_by(AuditEntry.id)))
