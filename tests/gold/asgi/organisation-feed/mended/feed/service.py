import asyncio

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from .models import FeedItem, Membership


class FeedRepository:
    def __init__(self, session: AsyncSession):
        self.session = session

    async def organisations_of(self, user_id: int) -> list[int]:
        query = select(Membership.organisation_id).where(Membership.user_id == user_id)
        return list(await self.session.scalars(query))

    async def items_of(self, organisation_id: int) -> list[str]:
        query = select(FeedItem.title).where(FeedItem.organisation_id == organisation_id)
        return list(await self.session.scalars(query))


class FeedService:
    def __init__(self, repository: FeedRepository, sessions: async_sessionmaker):
        self.repository = repository
        self.sessions = sessions

    async def organisation_feed(self, organisation_id: int) -> list[str]:
        async with self.sessions() as session:
            return await FeedRepository(session).items_of(organisation_id)

    async def feed_of(self, user_id: int) -> list[str]:
        organisations = await self.repository.organisations_of(user_id)
        tasks = []
        async with asyncio.TaskGroup() as group:
            for organisation_id in organisations:
                tasks.append(group.create_task(self.organisation_feed(organisation_id)))
        return [title for task in tasks for title in task.result()]
