import threading


class Scheduler:
    """A background thread that runs the jobs that are due at every tick."""

    def __init__(self):
        self._jobs = []
        self._tick = threading.Event()
        self._idle = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def add_job(self, function, *args):
        self._jobs.append((function, args))

    def tick(self, timeout=5):
        """Run what is due and wait for it."""
        self._idle.clear()
        self._tick.set()
        return self._idle.wait(timeout)

    def _run(self):
        while self._tick.wait():
            self._tick.clear()
            while self._jobs:
                function, args = self._jobs.pop(0)
                function(*args)
            self._idle.set()
