"""A worker process in small: one thread, one Session, job after job.

Suspicious: one Session lives through many units of work, is never closed between
them, is handed from job to job after an error, and other threads wait for results.
Right: only the loop's own thread uses the Session, from its making to its close; each
job ends in commit or rollback; what leaves the thread is a plain number or an error.
"""

import queue
import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from app import count, write


class Worker(threading.Thread):
    def __init__(self, make_session):
        super().__init__()
        self.make_session = make_session
        self.inbox = queue.Queue()

    def run(self):
        with self.make_session() as session:
            for text, answer in iter(self.inbox.get, None):
                try:
                    answer.set_result(self.handle(session, text))
                except ValueError as error:
                    session.rollback()
                    answer.set_exception(error)

    def handle(self, session, text):
        write(session, text)
        if text == "bad":
            raise ValueError(text)
        session.commit()
        total = count(session)
        session.commit()
        return total

    def ask(self, text):
        answer = Future()
        self.inbox.put((text, answer))
        return answer.result(5)


@pytest.fixture
def worker(make_session):
    worker = Worker(make_session)
    worker.start()
    yield worker
    worker.inbox.put(None)
    worker.join()


def test_error_does_not_spoil_the_next_job(worker):
    assert worker.ask("one") == 1
    with pytest.raises(ValueError, match="bad"):
        worker.ask("bad")
    assert worker.ask("two") == 2


def test_many_clients(worker):
    with ThreadPoolExecutor(4) as clients:
        assert sorted(clients.map(worker.ask, "abcdefgh")) == list(range(1, 9))
