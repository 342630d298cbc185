import logging
import queue
import threading

from flask import Flask
from models import Base, Member
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

log = logging.getLogger(__name__)


class Mailer:
    def __init__(self):
        self.outbox = queue.Queue()
        self.sent = []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            member = self.outbox.get()
            try:
                self.sent.append((member.email, [club.name for club in member.clubs]))
            except Exception:
                log.exception("a mail was not sent")
            finally:
                self.outbox.task_done()


def create_app(url):
    app = Flask(__name__)
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    sessions = app.extensions["sessions"] = sessionmaker(engine)
    mailer = app.extensions["mailer"] = Mailer()

    @app.post("/members/<int:member_id>/welcome")
    def welcome(member_id):
        with sessions() as session:
            member = session.get(Member, member_id)
            mailer.outbox.put(member)  # MEND
        return "queued", 202

    return app
