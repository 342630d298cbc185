"""The replay token: a test, a schedule and its steps as one word of text.

It holds nothing of the machine: the test by a digest of its node id, which is relative to pytest's
root; the workers by number; the steps by the names of their operations. So it replays in another
process, another directory, and under xdist. A check sum tells a token that was cut off in copying
from one of another version.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import zlib
from typing import NamedTuple

from pytest_sessionguard.schedule.strategy import Schedule, Step

VERSION = 1
_PREFIX = f"sg{VERSION}."
_CHECK = 4


class Token(NamedTuple):
    """``test`` is ``digest(nodeid)``."""

    test: str
    backend: str
    workers: int
    schedule: Schedule
    steps: tuple[Step, ...]


def digest(nodeid: str) -> str:
    """What a token knows of its test."""
    return hashlib.sha256(nodeid.encode()).hexdigest()[:12]


def encode(token: Token) -> str:
    """The token as text without blanks."""
    names = sorted({step.name for step in token.steps})
    steps = [[step.worker, names.index(step.name)] for step in token.steps]
    content = [token.test, token.backend, token.workers, token.schedule, names, steps]
    packed = zlib.compress(json.dumps(content, separators=(",", ":")).encode(), 9)
    return _PREFIX + base64.urlsafe_b64encode(_sum(packed) + packed).decode().rstrip("=")


def decode(text: str) -> Token:
    """The token of a text. Raises ValueError, with what is wrong."""
    kind, dot, rest = text.strip().partition(".")
    if not dot or not kind.startswith("sg") or not kind[2:].isdecimal():
        raise ValueError("it is not a replay token; one begins with 'sg1.'")
    if kind != _PREFIX[:-1]:
        raise ValueError(f"its version is {kind[2:]}, this guard reads version {VERSION}")
    try:
        return _unpacked(rest)
    except (ValueError, TypeError, KeyError, IndexError, binascii.Error, zlib.error):
        raise ValueError("it is damaged; copy all of it") from None


def _unpacked(rest: str) -> Token:
    raw = base64.b64decode(rest + "=" * (-len(rest) % 4), altchars=b"-_", validate=True)
    check, packed = raw[:_CHECK], raw[_CHECK:]
    if check != _sum(packed):
        raise ValueError
    test, backend, workers, schedule, names, steps = json.loads(zlib.decompress(packed))
    return Token(
        test, backend, workers, tuple(schedule),
        tuple(Step(worker, names[name]) for worker, name in steps),
    )  # fmt: skip


def _sum(packed: bytes) -> bytes:
    return hashlib.sha256(packed).digest()[:_CHECK]
