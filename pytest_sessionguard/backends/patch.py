"""Has gevent patch, when the user asks for it."""

from __future__ import annotations

import warnings


def patch() -> None:
    """``monkey.patch_all()``; that it may come late is what the user wants to see."""
    from gevent import monkey

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", monkey.MonkeyPatchWarning)
        monkey.patch_all()
