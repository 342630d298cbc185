from flask import Blueprint, jsonify, request
from sqlalchemy import select

from app.db import session
from app.models import Task

tasks = Blueprint("tasks", __name__)


@tasks.post("")
def add():
    task = Task(title=request.get_json()["title"])
    session.add(task)
    session.commit()
    return jsonify(id=task.id), 201


@tasks.patch("/<int:task_id>")
def change(task_id):
    task = session.get(Task, task_id)
    for name, value in request.get_json().items():
        setattr(task, name, value)
    if not task.title.strip():
        return jsonify(error="a task needs a title"), 400
    session.commit()
    return "", 204


@tasks.get("")
def open_tasks():
    found = session.scalars(select(Task).where(Task.done.is_(False)).order_by(Task.id))
    return jsonify([task.title for task in found])
