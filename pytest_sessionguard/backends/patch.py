"""Has gevent patch, when the user asks for it."""

from __future__ import annotations

import os
import warnings
from typing import Any

_kept: list[Any] = []


def patch() -> None:
    """``monkey.patch_all()``; that it may come late is what the user wants to see."""
    from gevent import monkey

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", monkey.MonkeyPatchWarning)
        monkey.patch_all()
    if "PYTEST_XDIST_WORKER" in os.environ:
        _keep_the_hub_waiting()


def _keep_the_hub_waiting() -> None:
    """Give the hub something to wait for.

    A worker of xdist waits for its next test on an Event that a native thread sets. To a hub
    without timers or sockets it looks as if nothing could ever happen (``LoopExit``).
    """
    from gevent import get_hub

    timer = get_hub().loop.timer(3600, 3600)
    timer.start(_nothing)
    _kept.append(timer)


def _nothing() -> None:
    pass
