"""The event types: what was observed, as plain frozen data.

Events are named tuples and not frozen dataclasses because several are made for each ORM
operation: a named tuple of nine fields costs a quarter of a frozen dataclass (``bench/`` has the
figures). Tokens are numbers from one counter, never ``id()``; see ``observe/recorder.py``.

Who did it is always a strand (what the interpreter ran) and a worker (whose unit of work it was);
the two answer different questions and are never mixed.
"""

from __future__ import annotations

from pytest_sessionguard.events.connections import (
    CheckedIn,
    CheckedOut,
    PoolMade,
)
from pytest_sessionguard.events.instances import (
    Detached,
    DetachedAccess,
    ForeignAttach,
    Kept,
    LostChange,
    Recovered,
)
from pytest_sessionguard.events.ordering import (
    BodyEnded,
    BodyFailed,
    HeldBy,
    Statement,
    Stuck,
    TakesTurns,
    Waiting,
)
from pytest_sessionguard.events.places import (
    Site,
    Stack,
)
from pytest_sessionguard.events.scopes import (
    Configured,
    LatePatch,
    Looked,
    RegistryMade,
    Removed,
)
from pytest_sessionguard.events.sessions import (
    Abandoned,
    Began,
    Borrowed,
    Ended,
    ForkedUse,
    Lasting,
    LockTaken,
    OwnerLeft,
    OwnerReturned,
    Published,
    Queued,
    Replaced,
    Resting,
    SessionMade,
    UsedEarlier,
)
from pytest_sessionguard.events.work import (
    Handed,
    StrandBegan,
    StrandEnded,
    WorkerBegan,
    WorkerEnded,
)

Event = (
    WorkerBegan
    | WorkerEnded
    | StrandBegan
    | StrandEnded
    | Handed
    | SessionMade
    | Began
    | Ended
    | LockTaken
    | UsedEarlier
    | Published
    | Kept
    | Lasting
    | Borrowed
    | Queued
    | Replaced
    | Resting
    | Abandoned
    | OwnerReturned
    | OwnerLeft
    | ForeignAttach
    | DetachedAccess
    | LostChange
    | Recovered
    | Detached
    | RegistryMade
    | LatePatch
    | Looked
    | Removed
    | Configured
    | PoolMade
    | CheckedOut
    | CheckedIn
    | ForkedUse
    | Statement
    | TakesTurns
    | Stuck
    | BodyFailed
    | BodyEnded
)

__all__ = [
    "Abandoned",
    "Began",
    "BodyEnded",
    "BodyFailed",
    "Borrowed",
    "CheckedIn",
    "CheckedOut",
    "Configured",
    "Detached",
    "DetachedAccess",
    "Ended",
    "Event",
    "ForeignAttach",
    "ForkedUse",
    "Handed",
    "HeldBy",
    "Kept",
    "Lasting",
    "LatePatch",
    "LockTaken",
    "Looked",
    "LostChange",
    "OwnerLeft",
    "OwnerReturned",
    "PoolMade",
    "Published",
    "Queued",
    "Recovered",
    "RegistryMade",
    "Removed",
    "Replaced",
    "Resting",
    "SessionMade",
    "Site",
    "Stack",
    "Statement",
    "StrandBegan",
    "StrandEnded",
    "Stuck",
    "TakesTurns",
    "UsedEarlier",
    "Waiting",
    "WorkerBegan",
    "WorkerEnded",
]
