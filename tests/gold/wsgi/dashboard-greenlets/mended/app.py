"""Greenhouse dashboard: all panels are filled at the same time."""

import gevent
from db import Reading, SessionLocal
from sqlalchemy import func, select


def latest(sensor):
    query = select(Reading.value).where(Reading.sensor == sensor)
    with SessionLocal() as session:
        return session.scalar(query.order_by(Reading.id.desc()).limit(1))


def average(sensor):
    query = select(func.avg(Reading.value)).where(Reading.sensor == sensor)
    with SessionLocal() as session:
        return session.scalar(query)


PANELS = {"now": latest, "mean": average}


def dashboard(sensor):
    with SessionLocal() as session:
        if session.scalar(select(Reading.id).where(Reading.sensor == sensor)) is None:
            return {}
    jobs = {name: gevent.spawn(panel, sensor) for name, panel in PANELS.items()}
    gevent.joinall(jobs.values(), raise_error=True)
    return {name: job.value for name, job in jobs.items()}
