import threading
import time

from app import create_app


class SlowBucket:
    """Stands in for the object store; holds the upload until it is let go."""

    def __init__(self):
        self.saving = []
        self.let_go = threading.Event()

    def save(self, name, data):
        self.saving.append(name)
        assert self.let_go.wait(5)


def wait_until(condition, seconds=5):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_slow_upload_does_not_hold_up_the_list(tmp_path):
    bucket = SlowBucket()
    app = create_app(f"sqlite:///{tmp_path}/uploads.db", bucket)
    answers = []

    def upload():
        answers.append(app.test_client().put("/uploads/cat.png", data=b"..."))

    thread = threading.Thread(target=upload)
    thread.start()
    wait_until(lambda: bucket.saving)
    during = app.test_client().get("/uploads").get_json()
    bucket.let_go.set()
    thread.join()

    assert during == {"cat.png": "pending"}
    assert answers[0].status_code == 201
    assert app.test_client().get("/uploads").get_json() == {"cat.png": "stored"}
