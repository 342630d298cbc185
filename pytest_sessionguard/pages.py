"""The rules' pages, for ``--sessionguard-explain``."""

from __future__ import annotations

import re
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_FOLDERS = (_HERE / "pages", _HERE.parent / "docs" / "rules")  # installed; in a checkout


def page(code: str) -> str:
    """The page of a rule as Markdown. Raises ``LookupError`` for a code without one."""
    name = f"{code.strip().upper()}.md"
    if not re.fullmatch(r"SG\d{3}\.md", name):
        raise LookupError(code)
    for folder in _FOLDERS:
        if (folder / name).is_file():
            return (folder / name).read_text(encoding="utf-8")
    raise LookupError(code)
