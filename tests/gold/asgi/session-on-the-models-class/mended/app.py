from contextvars import ContextVar

from fastapi import FastAPI
from sqlalchemy import String, select
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

current = ContextVar("current")
async_session = async_sessionmaker(expire_on_commit=False)


class Base(DeclarativeBase):
    async def save(self):
        current.get().add(self)
        await current.get().commit()


class Car(Base):
    __tablename__ = "car"
    id: Mapped[int] = mapped_column(primary_key=True)
    brand: Mapped[str] = mapped_column(String(20))


async def create_app(url):
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async_session.configure(bind=engine)
    app = FastAPI()

    @app.middleware("http")
    async def inject_session(request, call_next):
        async with async_session() as session:
            current.set(session)
            return await call_next(request)

    @app.post("/cars/{brand}")
    async def create(brand: str):
        await Car(brand=brand).save()

    @app.get("/cars")
    async def index():
        return list(await current.get().scalars(select(Car.brand)))

    return app
