import queue
import threading

from flask import Flask, g
from sqlalchemy import String, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class Report(Base):
    __tablename__ = "report"
    id: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(String(20))


class Worker(threading.Thread):
    def __init__(self, engine):
        super().__init__(daemon=True)
        self.engine = engine
        self.jobs = queue.Queue()

    def run(self):
        while (job := self.jobs.get()) is not None:
            self.write(job)
            self.jobs.task_done()

    def write(self, number):
        with Session(self.engine) as session:
            session.get_one(Report, number).state = "written"
            session.commit()


def create_app(url):
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    app = Flask(__name__)
    app.worker = Worker(engine)
    app.worker.start()

    @app.post("/reports")
    def order():
        g.session = Session(engine)
        report = Report(state="ordered")
        g.session.add(report)
        g.session.commit()
        app.worker.jobs.put(report.id)
        return "", 202

    @app.teardown_request
    def close(error):
        g.session.close()

    return app
