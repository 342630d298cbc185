"""Sessions that are closed when the object that owns them has gone.

Suspicious: the collector runs in any thread, so a Session is closed in one that has never used
it, while the thread that used it lives on; nothing orders the two.
Right: the finalizer runs because nobody can reach the owner any more, so nobody can use the
Session through it; and `close` returns its connection.
"""

import gc
import threading
import time
import weakref

import pytest
from app import count, write


class Finalized:
    def __init__(self, session):
        self.session = session
        weakref.finalize(self, session.close)


class Deleted:
    def __init__(self, session):
        self.session = session

    def __del__(self):
        self.session.rollback()
        self.close()

    def close(self):
        self.session.close()


@pytest.mark.parametrize("kind", [Finalized, Deleted])
def test_collected_elsewhere(make_session, kind):
    leave, lost = threading.Event(), []

    def use():
        repository = kind(make_session())
        write(repository.session, "a line")
        repository.itself = repository  # only the collector can take it

    def work():
        use()
        lost.append(True)
        leave.wait(5)

    thread = threading.Thread(target=work)
    thread.start()
    while not lost:  # a plain list orders nothing, and neither does the collector
        time.sleep(0.001)
    gc.collect()
    leave.set()
    thread.join()
    with make_session() as session:
        assert count(session) == 0
