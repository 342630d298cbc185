"""One rule a file; each is a pure function ``trace -> findings`` with its help and its fix."""

from __future__ import annotations

from pytest_sessionguard.findings import Rule
from pytest_sessionguard.rules import (
    sg101,
    sg102,
    sg103,
    sg105,
    sg201,
    sg202,
    sg203,
    sg301,
    sg302,
    sg303,
    sg304,
    sg305,
    sg402,
    sg404,
    sg601,
    sg901,
)  # fmt: skip

RULES: dict[str, Rule] = {
    module.RULE.code: module.RULE
    for module in (
        sg101, sg102, sg103, sg105, sg201, sg202, sg203, sg301, sg302, sg303, sg304, sg305, sg402,
        sg404, sg601, sg901,
    )
}  # fmt: skip
