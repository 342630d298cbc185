"""What to paste into the conftest.py of a suite that pytest-sessionguard shall watch.

Where the guard is switched on matters. Put this into pytest.ini, or the like of it into
pyproject.toml, and not into the conftest.py: then the hooks are there before the app is imported,
and sessions made at import or gevent patched too late are seen:

    [pytest]
    addopts = -p sessionguard

The same for one run: ``pytest -p sessionguard``. Without it for one run: ``-p no:sessionguard``.
A session that is shared on purpose is let pass by name, for all tests:

    sessionguard_allow = app.cache.session

or where it is made, ``Session(engine, info={"sessionguard": "shared by design"})``, or on the
line that a finding names, ``# sessionguard: ignore[SG101]``.
"""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, create_engine


@pytest.fixture(scope="session")
def sessionguard_engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """The engine of the code under test: ``isolated_session`` gives each worker a Session on it.

    Return your app's own (``from shop.db import engine``). Not one with a single connection for
    everybody, such as ``sqlite://``: no two Sessions are isolated on that.
    """
    return create_engine(f"sqlite:///{tmp_path_factory.mktemp('shop')}/shop.db")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Choose rules for some of the tests; what is not listed keeps all of them.

    The same as ``@pytest.mark.sessionguard(...)`` on a test or a class, or
    ``pytestmark = pytest.mark.sessionguard(...)`` in a module. The marker guards its tests also in
    runs without ``-p sessionguard``, but then what happened before they were collected is not seen.
    """
    for item in items:
        if "legacy" in item.path.parts:
            item.add_marker(pytest.mark.sessionguard(ignore=["SG304"]))
        if "reports" in item.path.parts:
            item.add_marker(pytest.mark.sessionguard(select=["SG1", "SG201"]))
        if "cache" in item.path.parts:
            item.add_marker(pytest.mark.sessionguard(allow=["app.cache.*"]))
