"""Greenhouse dashboard: all panels are filled at the same time."""

import gevent
from db import Reading, SessionLocal
from sqlalchemy import func, select


def latest(session, sensor):
    query = select(Reading.value).where(Reading.sensor == sensor)
    return session.scalar(query.order_by(Reading.id.desc()).limit(1))


def average(session, sensor):
    return session.scalar(select(func.avg(Reading.value)).where(Reading.sensor == sensor))


PANELS = {"now": latest, "mean": average}


def dashboard(sensor):
    with SessionLocal() as session:
        if session.scalar(select(Reading.id).where(Reading.sensor == sensor)) is None:
            return {}
        jobs = {name: gevent.spawn(panel, session, sensor) for name, panel in PANELS.items()}  # MEND
        gevent.joinall(jobs.values(), raise_error=True)
        return {name: job.value for name, job in jobs.items()}
