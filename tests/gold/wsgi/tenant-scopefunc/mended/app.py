"""Helpdesk: tickets of several tenants."""

from flask import Flask, g, jsonify, request
from flask.globals import app_ctx
from sqlalchemy import String, create_engine, select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    mapped_column,
    scoped_session,
    sessionmaker,
)

maker = sessionmaker()
db = scoped_session(maker, scopefunc=lambda: id(app_ctx._get_current_object()))


class Base(DeclarativeBase):
    pass


class Ticket(Base):
    __tablename__ = "ticket"
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant: Mapped[str] = mapped_column(String(30))
    subject: Mapped[str] = mapped_column(String(200))


def read_tenant():
    g.tenant = request.headers["X-Tenant"]


def finish_transaction(response):
    if response.status_code < 400:
        db.commit()
    else:
        db.rollback()
    return response


def open_ticket():
    ticket = Ticket(tenant=g.tenant, subject=request.get_json()["subject"])
    db.add(ticket)
    db.flush()
    return jsonify(id=ticket.id), 201


def list_tickets():
    found = db.scalars(select(Ticket.subject).where(Ticket.tenant == g.tenant))
    return jsonify(list(found))


def create_app(url):
    app = Flask(__name__)
    app.before_request(read_tenant)
    app.after_request(finish_transaction)
    app.add_url_rule("/tickets", view_func=open_ticket, methods=["POST"])
    app.add_url_rule("/tickets", view_func=list_tickets, methods=["GET"])
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    maker.configure(bind=engine)
    app.teardown_appcontext(lambda exc: db.remove())
    return app
