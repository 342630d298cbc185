"""The interpreter's own threads and locks, also after gevent has patched them."""

from __future__ import annotations

import sys
from typing import Any


def native(module: str, name: str, plain: Any) -> Any:
    """``module.name`` as it was before gevent patched; ``plain`` when it did not."""
    monkey = sys.modules.get("gevent.monkey")
    found = plain if monkey is None else monkey.get_original(module, name)
    return getattr(found, "plain", found)  # beneath the guard's own stand-in
