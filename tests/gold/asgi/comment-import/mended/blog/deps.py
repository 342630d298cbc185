from typing import Annotated

from fastapi import Depends, Header, HTTPException, Request
from sqlalchemy.orm import Session

from .models import User


def get_db(request: Request):
    with request.app.state.sessions() as db:
        yield db


Db = Annotated[Session, Depends(get_db)]


def get_current_user(db: Db, x_user: Annotated[str, Header()]):
    user = db.get(User, x_user)
    if user is None:
        raise HTTPException(401)
    return user


CurrentUser = Annotated[User, Depends(get_current_user)]
