"""A request leaves work to an executor, and the test does not wait for it.

Suspicious: the request is long over, and a connection that its code took is still out.
Right: the job has a Session of its own, works on, and gives it back.
"""

import threading
from concurrent.futures import ThreadPoolExecutor

from flask import Flask
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session


class Reports:
    def __init__(self, engine):
        self.engine = engine
        self.executor = ThreadPoolExecutor(2)
        self.begun, self.go_on = threading.Event(), threading.Event()

    def write(self):
        with Session(self.engine) as session:
            session.scalar(text("SELECT 42"))
            self.begun.set()
            self.go_on.wait(5)


def create_app(url):
    app = Flask(__name__)
    app.reports = Reports(create_engine(url))

    @app.post("/reports")
    def order():
        app.reports.executor.submit(app.reports.write)
        return "", 202

    return app
