from typing import Annotated

from database import Seat, Session, request_session
from fastapi import Depends, FastAPI, HTTPException, Request
from pydantic import BaseModel
from sqlalchemy import select

app = FastAPI(dependencies=[Depends(request_session)])


class Booking(BaseModel):
    seat: str
    holder: str


async def get_gateway(request: Request):
    return request.app.state.gateway


@app.post("/bookings", status_code=201)
async def book(booking: Booking, gateway: Annotated[object, Depends(get_gateway)]):
    seat = Session.get(Seat, booking.seat)
    if seat is None or seat.holder:
        raise HTTPException(409, "this seat is taken")
    await gateway.charge(booking.holder)
    seat.holder = booking.holder
    Session.commit()
    return booking


@app.get("/seats/free")
async def free_seats():
    return list(Session.scalars(select(Seat.number).where(Seat.holder.is_(None))))
