"""The warning of a coroutine that was never awaited, without the lines that only we asked for.

Origin tracking tells where a coroutine's arguments were bound, and makes the interpreter's warning
longer. This stands for ``warnings._warn_unawaited_coroutine``, which C code looks up by name.
"""

from __future__ import annotations

import linecache
import sys
import traceback
import warnings
from typing import Any

ORIGIN_DEPTH = 1


def never_awaited(coro: Any) -> None:
    """As the interpreter's own; where somebody else asked for more (asyncio's debug mode), all of it."""
    message = f"coroutine '{coro.__qualname__}' was never awaited"
    if coro.cr_origin is not None and sys.get_coroutine_origin_tracking_depth() not in (
        0,
        ORIGIN_DEPTH,
    ):
        lines = [
            (filename, line, function, linecache.getline(filename, line))
            for filename, line, function in reversed(coro.cr_origin)
        ]
        created = "".join(traceback.format_list(lines)).rstrip("\n")
        message += f"\nCoroutine created at (most recent call last)\n{created}"
    warnings.warn(message, category=RuntimeWarning, stacklevel=2, source=coro)
