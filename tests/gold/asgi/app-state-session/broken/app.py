from sqlalchemy import String, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route


class Base(DeclarativeBase):
    pass


class Room(Base):
    __tablename__ = "room"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40))


def rooms(request):
    session = request.app.state.db_session
    return JSONResponse([room.name for room in session.scalars(select(Room))])


async def add_room(request):
    session = request.app.state.db_session
    session.add(Room(name=(await request.json())["name"]))
    session.commit()
    return JSONResponse({}, status_code=201)


def create_app(url):
    engine = create_engine(url, connect_args={"check_same_thread": False})
    Base.metadata.create_all(engine)
    app = Starlette(routes=[Route("/", rooms), Route("/", add_room, methods=["POST"])])
    app.state.db_session = sessionmaker(engine)()  # MEND
    return app
