"""What the user asked for: one frozen ``Settings``. A marker on a test goes before all of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pytest_sessionguard.concurrency import Concurrency
from pytest_sessionguard.schedule.token import Token

CODES = (
    "SG101", "SG102", "SG103", "SG105", "SG201", "SG202", "SG203", "SG301", "SG302", "SG303",
    "SG304", "SG305", "SG402", "SG404", "SG601", "SG901",
)  # fmt: skip
MARKER = "sessionguard"
MARKER_ARGUMENTS = ("select", "ignore", "allow")
_FAMILY = re.compile(r"SG\d{0,3}")


@dataclass(frozen=True, slots=True)
class Settings:
    """``watch`` is on for every test; ``reports`` are (format, path); ``source`` are packages
    under test although they are installed; ``allow`` names sessions that are shared on purpose.
    """

    watch: bool = False
    select: tuple[str, ...] = CODES
    ignore: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    reports: tuple[tuple[str, Path], ...] = field(default=())
    concurrency: Concurrency = field(default_factory=Concurrency)
    require_complete: bool = False
    replay: Token | None = None

    @property
    def codes(self) -> tuple[str, ...]:
        """The rules that are on."""
        return tuple(code for code in self.select if code not in self.ignore)

    def marked(self, arguments: Mapping[str, Any]) -> Settings:
        """These settings with the arguments of a ``sessionguard`` marker; ValueError if they are bad."""
        changes: dict[str, Any] = {}
        for name, value in arguments.items():
            if name not in MARKER_ARGUMENTS:
                accepted = ", ".join(MARKER_ARGUMENTS)
                raise ValueError(
                    f"unknown argument {name!r} of the marker sessionguard (it takes {accepted})"
                )
            if isinstance(value, str) or not all(
                isinstance(item, str) for item in _listed(name, value)
            ):
                raise ValueError(f"sessionguard({name}=...) takes a list of strings, not {value!r}")
            items = tuple(value)
            if name == "select" and not items:
                raise ValueError("sessionguard(select=[]) would select no rule at all")
            changes[name] = items if name == "allow" else expand(items, f"sessionguard({name}=...)")
        if "allow" in changes:
            changes["allow"] = (*self.allow, *changes["allow"])
        if "ignore" in changes:
            changes["ignore"] = (*self.ignore, *changes["ignore"])
        return replace(self, **changes)


def _listed(name: str, value: Any) -> Iterable[Any]:
    if not isinstance(value, list | tuple | set | frozenset):
        raise ValueError(f"sessionguard({name}=...) takes a list of strings, not {value!r}")
    return value


def expand(codes: Iterable[str], option: str) -> tuple[str, ...]:
    """Codes and families of codes (``SG3``) as codes; ValueError names the option."""
    found: list[str] = []
    for code in codes:
        wanted = code.strip().upper()
        matching = [known for known in CODES if known.startswith(wanted)]
        if not matching or not _FAMILY.fullmatch(wanted):
            raise ValueError(f"{option}: unknown rule {code!r}; the rules are {', '.join(CODES)}")
        found += [known for known in matching if known not in found]
    return tuple(found)
