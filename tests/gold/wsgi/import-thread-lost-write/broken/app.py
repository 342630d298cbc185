import threading

from flask import Flask, current_app, jsonify
from sqlalchemy import String, create_engine, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, scoped_session, sessionmaker

factory = sessionmaker(expire_on_commit=False)
db_session = scoped_session(factory)


class Base(DeclarativeBase):
    pass


class Import(Base):
    __tablename__ = "import"
    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(String(120))
    state: Mapped[str] = mapped_column(String(20), default="new")


def run_import(job, runs):
    runs.allowed.wait(5)
    waiting = db_session.scalar(select(func.count()).where(Import.state == "new"))
    runs.log.append(f"{job.source} done, {waiting} waiting")
    job.state = "done"
    db_session.commit()
    db_session.remove()


def start_import():
    job = Import(source="suppliers.csv")
    db_session.add(job)
    db_session.commit()
    runs = current_app.extensions["runs"]
    thread = threading.Thread(target=run_import, args=(job, runs))  # MEND
    runs.start(thread)
    return jsonify(id=job.id), 202


class Runs:
    def __init__(self):
        self.allowed = threading.Event()
        self.threads = []
        self.log = []

    def start(self, thread):
        self.threads.append(thread)
        thread.start()


def create_app(url):
    app = Flask(__name__)
    app.extensions["runs"] = Runs()
    app.add_url_rule("/imports", view_func=start_import, methods=["POST"])
    app.teardown_appcontext(lambda exc: db_session.remove())
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    factory.configure(bind=engine)
    return app
