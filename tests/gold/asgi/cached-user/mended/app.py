from auth import CurrentUser, UserCache
from fastapi import FastAPI
from sqlalchemy.orm import sessionmaker


def create_app(engine, storage) -> FastAPI:
    app = FastAPI()
    app.state.sessions = sessionmaker(engine)
    app.state.user_cache = UserCache()

    @app.post("/avatar")
    async def upload_avatar(user: CurrentUser):
        url = await storage.put(f"avatars/{user.id}")
        return {"url": url}

    @app.get("/teams")
    async def my_teams(user: CurrentUser):
        return [team.name for team in user.teams]

    return app
