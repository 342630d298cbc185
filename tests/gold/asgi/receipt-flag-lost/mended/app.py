import asyncio

from sqlalchemy import String
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

async_session = async_sessionmaker(expire_on_commit=False)
mailing: set[asyncio.Task[None]] = set()


class Base(DeclarativeBase):
    pass


class Order(Base):
    __tablename__ = "customer_order"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(120))
    receipt_sent: Mapped[bool] = mapped_column(default=False)


async def send_receipt(number, state):
    await state.mail_server_up.wait()
    async with async_session() as session, session.begin():
        order = await session.get_one(Order, number)
        state.sent.append(order.email)
        order.receipt_sent = True


async def create_order(request):
    async with async_session() as session, session.begin():
        order = Order(email=(await request.json())["email"])
        session.add(order)
        await session.flush()
    task = asyncio.create_task(send_receipt(order.id, request.app.state))
    mailing.add(task)
    task.add_done_callback(mailing.discard)
    return JSONResponse({"id": order.id}, status_code=201)


async def create_app(url):
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async_session.configure(bind=engine)
    app = Starlette(routes=[Route("/orders", create_order, methods=["POST"])])
    app.state.mail_server_up = asyncio.Event()
    app.state.sent = []
    return app
