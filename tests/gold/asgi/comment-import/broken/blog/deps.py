from typing import Annotated

from fastapi import Depends, Header, HTTPException, Request
from sqlalchemy.orm import Session

from .models import User


def get_db(request: Request):
    with request.app.state.sessions() as db:
        yield db


def get_current_user(request: Request, x_user: Annotated[str, Header()]):
    with request.app.state.sessions() as db:
        user = db.get(User, x_user)
        if user is None:
            raise HTTPException(401)
        yield user


Db = Annotated[Session, Depends(get_db)]
CurrentUser = Annotated[User, Depends(get_current_user)]
