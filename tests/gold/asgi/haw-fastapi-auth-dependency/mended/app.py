from sqlalchemy import create_engine, func, select
from sqlalchemy.orm import Session, scoped_session, sessionmaker
from models import Author, Book

engine = create_engine("sqlite:///x.db", connect_args={"check_same_thread": False, "timeout": 5})
SessionLocal = sessionmaker(engine)

from fastapi import Depends, FastAPI
app = FastAPI()


def get_db():
    with SessionLocal() as db:
        yield db


def current_user(db=Depends(get_db)):
    return db.scalar(select(Author))


@app.get("/n")
def n(user=Depends(current_user), db=Depends(get_db)):
    return db.scalar(select(func.count()).select_from(Book))
