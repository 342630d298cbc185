from typing import Annotated

from fastapi import Depends, FastAPI, Request

from .service import FeedRepository, FeedService


async def get_service(request: Request):
    async with request.app.state.sessions() as session:
        yield FeedService(FeedRepository(session), request.app.state.sessions)


def create_app(sessions) -> FastAPI:
    app = FastAPI()
    app.state.sessions = sessions

    @app.get("/users/{user_id}/feed")
    async def feed(user_id: int, service: Annotated[FeedService, Depends(get_service)]):
        return {"items": await service.feed_of(user_id)}

    return app
