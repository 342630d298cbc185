"""What whoever watches over an execution knows: that it looks, and where the workers were."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import FrameType

from pytest_sessionguard.schedule.turn import Turn


class Watcher:
    """``beats`` is how often it has looked; ``places`` is where each worker was, in words.

    ``frames(number)`` are the frames in which a worker is, innermost first, none when it has ended;
    ``locate(*frames)`` puts them into words.
    """

    def __init__(
        self,
        turn: Turn,
        workers: int,
        frames: Callable[[int], Sequence[FrameType]],
        locate: Callable[..., str],
    ) -> None:
        self.beats = 0
        self.places: dict[int, str] = {}
        self._turn = turn
        self._workers = workers
        self._frames = frames
        self._locate = locate

    def look(self) -> None:
        """Note where each worker is."""
        for number in range(self._workers):
            frames = self._frames(number)
            if not self._turn.states[number].started:
                self.places[number] = "has not begun"
            elif frames:
                self.places[number] = self._locate(*frames)

    def blocked(self, frame: FrameType | None) -> None:
        """Whoever has the turn stands still at ``frame``, and all others with it."""
        self.look()
        if self._turn.holder is not None and frame is not None:
            self.places[self._turn.holder] = self._locate(frame)
