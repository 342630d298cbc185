"""Where it happened: source lines."""

from __future__ import annotations

from typing import NamedTuple


class Site(NamedTuple):
    """A source line.

    ``path`` is relative to the pytest root with forward slashes, or to site-packages for library
    code; ``role`` is ``"app"``, ``"test"`` or ``"library"``.
    """

    path: str
    line: int
    function: str
    role: str = "app"


Stack = tuple[Site, ...]
"""Source lines of one call, innermost first, library code left out."""
