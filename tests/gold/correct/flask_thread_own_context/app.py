import threading

from flask import Flask, current_app
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Mapped, mapped_column

db = SQLAlchemy()


class Report(db.Model):
    id: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(default="queued")


def render(app, report_id):
    with app.app_context():
        report = db.session.get(Report, report_id)
        report.state = "ready"
        db.session.commit()


def create_app(url):
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    db.init_app(app)
    app.renderers = []

    @app.post("/reports")
    def start():
        report = Report()
        db.session.add(report)
        db.session.commit()
        report_id = report.id
        thread = threading.Thread(
            target=render, args=(current_app._get_current_object(), report_id)
        )
        current_app.renderers.append(thread)
        thread.start()
        return {"id": report_id}, 202

    @app.get("/reports/<int:report_id>")
    def show(report_id):
        return {"state": db.get_or_404(Report, report_id).state}

    return app
