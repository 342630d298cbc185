import logging
import threading

log = logging.getLogger(__name__)


class Mailer:
    def __init__(self):
        self.connected = threading.Event()
        self.threads = []
        self.sent = []

    def run(self, thread):
        self.threads.append(thread)
        thread.start()

    def send(self, address, text):
        self.sent.append((address, text))


def send_welcome(mailer, user):
    mailer.connected.wait(5)
    try:
        mailer.send(user.email, f"Welcome, {user.name}!")
    except Exception:
        log.exception("no welcome mail")
