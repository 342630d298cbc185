from typing import Annotated

from fastapi import Depends, Header, HTTPException, Request
from models import User
from sqlalchemy import select
from sqlalchemy.orm import Session


class UserCache:
    """Saves one query in every request."""

    def __init__(self):
        self.users: dict[str, User] = {}

    def get(self, token: str) -> User | None:
        return self.users.get(token)

    def put(self, token: str, user: User) -> None:
        self.users[token] = user


async def get_db(request: Request):
    with request.app.state.sessions() as db:
        yield db


Db = Annotated[Session, Depends(get_db)]


async def current_user(request: Request, db: Db, x_token: Annotated[str, Header()]) -> User:
    cache: UserCache = request.app.state.user_cache
    user = cache.get(x_token)
    if user is None:
        user = db.scalar(select(User).where(User.token == x_token))
        if user is None:
            raise HTTPException(401)
        cache.put(x_token, user)  # MEND
    return user


CurrentUser = Annotated[User, Depends(current_user)]
