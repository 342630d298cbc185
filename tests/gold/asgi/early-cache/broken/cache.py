"""Serve the old value at once and compute the new one in the background."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress


class EarlyCache:
    def __init__(self, workers: int = 1):
        self.slots = asyncio.Semaphore(workers)
        self.values: dict[str, object] = {}
        self.stale: set[str] = set()
        self.refreshing: dict[str, asyncio.Task] = {}

    async def get(self, key: str, loader: Callable[[], Awaitable]):
        if key not in self.values:
            self.values[key] = await loader()
        elif key in self.stale and key not in self.refreshing:
            self.refreshing[key] = asyncio.create_task(self._refresh(key, loader))  # MEND
        return self.values[key]

    async def _refresh(self, key: str, loader: Callable[[], Awaitable]) -> None:
        async with self.slots:
            self.values[key] = await loader()
        self.stale.discard(key)
        del self.refreshing[key]

    async def aclose(self) -> None:
        for task in list(self.refreshing.values()):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
