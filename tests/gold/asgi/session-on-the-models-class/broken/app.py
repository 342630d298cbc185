from fastapi import FastAPI
from sqlalchemy import String, select
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

async_session = async_sessionmaker(expire_on_commit=False)


class Base(DeclarativeBase):
    session = None

    async def save(self):
        self.session.add(self)
        await self.session.commit()


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
            Base.session = session  # MEND
            return await call_next(request)

    @app.post("/cars/{brand}")
    async def create(brand: str):
        await Car(brand=brand).save()

    @app.get("/cars")
    async def index():
        return list(await Base.session.scalars(select(Car.brand)))

    return app
