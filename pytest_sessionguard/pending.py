"""What ``concurrently`` returns for async functions: it is awaited."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from typing import Any


class Pending:
    """The results of workers that begin when this is awaited; ``begun`` tells whether it was."""

    def __init__(self, run: Callable[[], Coroutine[Any, Any, list[Any]]]) -> None:
        self.begun = False
        self._run = run

    def __await__(self) -> Generator[Any, None, list[Any]]:
        self.begun = True
        return self._run().__await__()


NOT_AWAITED = (
    "concurrently: nothing has run, since its functions are async and nobody awaited it; say "
    "results = await concurrently(...)"
)
