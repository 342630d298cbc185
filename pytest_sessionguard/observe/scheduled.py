"""Observes APScheduler: a job gets its arguments where it is added, and runs much later.

The scheduler's own thread or timer starts the job. Who is to blame for what the job was given is
the line that added it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from pytest_sessionguard.observe.hooks import Hooks
from pytest_sessionguard.observe.recorder import Recorder, made_at
from pytest_sessionguard.observe.strand import Binding


class Scheduled:
    """The hooks on APScheduler's jobs and executors."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self._added: dict[str, Binding] = {}  # by the job's id; a Job itself has no hash

    def watchers(self) -> dict[str, Callable[[Any, Hooks], None]]:
        """Module name -> what to wrap once it has been imported."""
        return {
            "apscheduler.job": lambda module, hooks: hooks.wrap(
                module.Job, "__init__", self._wrap_init
            ),
            "apscheduler.executors.base": lambda module, hooks: hooks.wrap(
                module.BaseExecutor, "submit_job", self._wrap_submit
            ),
        }

    def _wrap_init(self, original: Any) -> Any:
        recorder, added = self.recorder, self._add

        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            recorder.shielded(added, self, sys._getframe())

        return __init__

    def _add(self, job: Any, frame: Any) -> None:
        stack = made_at(self.recorder, frame, job)
        if stack:
            self._added[job.id] = Binding(stack, self.recorder.next_token())

    def _wrap_submit(self, original: Any) -> Any:
        strands, added = self.recorder.strands, self._added

        def submit_job(self: Any, job: Any, *args: Any, **kwargs: Any) -> Any:
            strands.local.binding = added.get(job.id)
            try:
                return original(self, job, *args, **kwargs)
            finally:
                strands.local.binding = None

        return submit_job
