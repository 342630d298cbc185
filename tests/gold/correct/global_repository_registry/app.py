from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    mapped_column,
    scoped_session,
    sessionmaker,
)


class Base(DeclarativeBase):
    pass


class Task(Base):
    __tablename__ = "task"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str]
    title: Mapped[str]


class TaskRepository:
    def __init__(self, session):
        self.session = session

    def add(self, owner, title):
        self.session.add(Task(owner=owner, title=title))
        self.session.commit()

    def of(self, owner):
        query = select(Task).where(Task.owner == owner).order_by(Task.id)
        return self.session.scalars(query).all()


class TaskService:
    def __init__(self, tasks):
        self.tasks = tasks

    def add_and_list(self, owner, title):
        self.tasks.add(owner, title)
        return [task.title for task in self.tasks.of(owner)]


Session = scoped_session(sessionmaker())
service = TaskService(TaskRepository(Session))
app = Flask(__name__)
app.teardown_appcontext(lambda error: Session.remove())


@app.post("/<owner>/<title>")
def add(owner, title):
    return service.add_and_list(owner, title)
