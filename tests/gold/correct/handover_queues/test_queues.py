"""Sessions and instances travel through queues; `task_done`/`join` waits for work.

Suspicious: a Session with an open transaction is used by a consumer thread that was
running long before it was made; the producer uses it again while that thread lives;
with `join()` no item ever comes back.
Right: put orders get, `task_done` orders `join`, and the giver keeps its hands off.
"""

import queue
import threading

import pytest
from app import Line, count, write


@pytest.fixture(params=[queue.Queue, queue.LifoQueue, queue.SimpleQueue])
def queue_class(request):
    return request.param


def serve(inbox, handle):
    for item in iter(inbox.get, None):
        handle(item)


@pytest.fixture
def consumer():
    threads = []

    def start(inbox, handle):
        threads.append((inbox, threading.Thread(target=serve, args=(inbox, handle))))
        threads[-1][1].start()

    yield start
    for inbox, thread in threads:
        inbox.put(None)
        thread.join()


def test_session_goes_there_and_back(consumer, queue_class, session):
    inbox, outbox = queue_class(), queue_class()
    consumer(inbox, lambda given: (write(given, "consumer"), outbox.put(given)))
    write(session, "producer")
    for expected in (2, 3):
        inbox.put(session)
        assert count(outbox.get(timeout=5)) == expected


def test_instance_goes_there_and_back(consumer, queue_class, session):
    inbox, outbox = queue_class(), queue_class()
    line = Line(text="draft")
    session.add(line)
    session.commit()
    consumer(inbox, lambda given: outbox.put((given, given.text)))
    inbox.put(line)
    assert outbox.get(timeout=5) == (line, "draft")
    line.text = "final"
    session.commit()


def test_task_done_and_join(consumer, session):
    inbox = queue.Queue()
    consumer(inbox, lambda text: (write(session, text), inbox.task_done()))
    for text in "abc":
        inbox.put(text)
    inbox.join()
    assert count(session) == 3
