"""How far a long search is, on a terminal only: nothing in a log, a pipe or CI."""

from __future__ import annotations

import os
import sys
import time
from typing import TextIO

import pytest

AFTER = 1.0
"""Seconds before the first word."""

EVERY = 0.2
"""Seconds between two."""

_SAVE, _RESTORE, _ERASE = "\x1b7", "\x1b8", "\x1b[K"


class Progress:
    """A few words behind the cursor, which stays where it is; ``room`` is how many columns are left.

    Without a ``stream`` it says nothing.
    """

    def __init__(self, stream: TextIO | None, room: int) -> None:
        self._stream = stream
        self._room = room
        self._next = time.monotonic() + AFTER
        self._shown = False

    def tell(self, executions: int, failed: bool) -> None:
        """So many executions have run; ``failed`` when one of them did."""
        if self._stream is None or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + EVERY
        text = f" sessionguard: {executions} executions{', one failed' if failed else ''}"
        if len(text) < self._room:
            self._write(f"{_SAVE}{_ERASE}{text}{_RESTORE}")
            self._shown = True

    def clear(self) -> None:
        """Leave nothing behind."""
        if self._shown:
            self._write(_ERASE)

    def _write(self, text: str) -> None:
        assert self._stream is not None
        self._stream.write(text)
        self._stream.flush()


def of(config: pytest.Config) -> Progress:
    """The progress of one search. pytest's capturing must be suspended while it is told."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    stream = sys.__stdout__
    quiet = any(os.environ.get(name) for name in ("CI", "BUILD_NUMBER")) or (
        os.environ.get("TERM") == "dumb"
    )
    if reporter is None or stream is None or quiet or not stream.isatty() or not reporter.isatty:
        return Progress(None, 0)
    writer = config.get_terminal_writer()
    return Progress(stream, writer.fullwidth - writer.width_of_current_line)
