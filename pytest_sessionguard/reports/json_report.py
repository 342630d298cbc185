"""The JSON report, format 1, and findings as plain dicts (which is how xdist's workers send them)."""

from __future__ import annotations

import json
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from pytest_sessionguard import __version__
from pytest_sessionguard.events import Site
from pytest_sessionguard.findings import ADVICE, Finding, Related, Side
from pytest_sessionguard.reports.text import replay_command

FORMAT = 1
_SEEN = ("sqlalchemy", "gevent", "greenlet", "pytest")


def location(site: Site) -> dict[str, Any]:
    """A source line."""
    return {"path": site.path, "line": site.line, "function": site.function}


def to_dict(finding: Finding) -> dict[str, Any]:
    """One finding of the report."""
    return {
        "code": finding.code,
        "name": finding.name,
        "level": finding.level,
        "message": finding.message,
        "why": finding.why,
        "fingerprint": finding.fingerprint,
        "location": location(finding.site),
        "sides": [
            {
                "worker": side.worker,
                "action": side.action,
                "location": location(side.stack[0]) if side.stack else None,
                "stack": [location(site) for site in side.stack],
            }
            for side in finding.sides
        ],
        "related": [
            {"what": line.what, "location": location(line.site)} for line in finding.related
        ],
        "also": list(finding.also),
        "fix": finding.fix,
        "tests": list(finding.tests),
        "replay": finding.replay or None,
        "replay_command": replay_command(finding.replay) if finding.replay else None,
    }


def from_dict(data: dict[str, Any]) -> Finding:
    """The finding that ``to_dict`` wrote."""
    return Finding(
        code=data["code"], name=data["name"], level=data["level"], message=data["message"],
        why=data["why"], fix=data["fix"], site=_site(data["location"]),
        sides=tuple(
            Side(side["worker"], side["action"], tuple(_site(site) for site in side["stack"]))
            for side in data["sides"]
        ),
        related=tuple(Related(line["what"], _site(line["location"])) for line in data["related"]),
        also=tuple(data["also"]), fingerprint=data["fingerprint"], tests=tuple(data["tests"]),
        replay=data["replay"] or "",
    )  # fmt: skip


def _site(data: dict[str, Any]) -> Site:
    return Site(data["path"], data["line"], data["function"])


def document(
    findings: list[Finding], searches: list[dict[str, Any]], run: dict[str, Any]
) -> dict[str, Any]:
    """The whole report; ``run`` are the summary's facts about the run."""
    errors = sum(finding.level != ADVICE for finding in findings)
    return {
        "format": FORMAT,
        "tool": {"name": "pytest-sessionguard", "version": __version__},
        "environment": {
            "python": platform.python_version(),
            "platform": sys.platform,
            "packages": {name: _version(name) for name in _SEEN},
        },
        "summary": {
            "findings": len(findings), "errors": errors, "advice": len(findings) - errors, **run
        },
        "findings": [to_dict(finding) for finding in findings],
        "searches": searches,
    }  # fmt: skip


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def prepare(path: Path) -> None:
    """Make sure that the report can be written; OSError when it cannot."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8"):
        pass


def write(path: Path, data: dict[str, Any]) -> None:
    """Write the report; OSError when the path cannot be written."""
    path.write_text(json.dumps(data, indent=2, sort_keys=False) + "\n", encoding="utf-8")
