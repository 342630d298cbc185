"""pytest's hooks; each delegates. Nothing heavy is imported until the guard is asked for."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

from pytest_sessionguard import options
from pytest_sessionguard.settings import CODES

if TYPE_CHECKING:
    from pytest_sessionguard.run import Run

_RUN: pytest.StashKey[Run] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register options."""
    options.add_options(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Place the hooks before any conftest or app is imported."""
    if options.is_asked_early(early_config):
        _begin(early_config)
    if options.gevent(early_config) == "early":
        _patch()


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker; begin, if that was not possible earlier."""
    config.addinivalue_line(
        "markers",
        "sessionguard(select=[...], ignore=[...], allow=[...]): guard this test with these rules",
    )
    config.addinivalue_line(
        "markers",
        "concurrent_sessions(workers=2, backend='auto', schedules=100, preemptions=None, timeout=5, "
        "strategy='systematic', seed=0): "
        "run the body in several workers at once, in every order that matters",
    )
    from pytest_sessionguard import fixtures

    config.pluginmanager.register(fixtures, "sessionguard-fixtures")
    chosen = options.read(config)
    if chosen.watch and _run(config) is None:
        _begin(config)
    run = _run(config)
    if run is not None:
        run.configure(config, chosen)


def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """``--sessionguard-explain`` prints a page instead of running tests."""
    code = config.getoption("--sessionguard-explain")
    if code is None:
        return None
    from pytest_sessionguard.pages import page

    try:
        print(page(code))
    except LookupError:
        codes = ", ".join(CODES)
        raise pytest.UsageError(
            f"--sessionguard-explain: unknown rule {code!r}; the rules are {codes}"
        ) from None
    return 0


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say that the guard watches, and what it could not see."""
    run = _run(config)
    return run.header() if run is not None else []


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A marker guards its test in any case."""
    run = _run(config)
    if run is None and any(options.is_wanted_by(item) for item in items):
        run = _begin(config)
        run.configure(config, options.read(config))
        run.began_late()
    if run is not None:
        run.collected(items)
    if options.gevent(config) == "late":
        _patch()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """A test begins."""
    run = _run(item.config)
    if run is not None:
        run.begin(item)
    return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """A bad marker that could not be refused earlier fails its test."""
    run = _run(item.config)
    if run is not None:
        run.check(item)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """The body of a test; judged as soon as it has ended, before its fixtures are taken down."""
    run = _run(item.config)
    error: BaseException | None = None
    try:
        return (yield)
    except BaseException as raised:
        error = raised
        raise
    finally:
        if run is not None:
            run.body_ended(item, error)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Findings fail the test that showed them."""
    report = yield
    run = _run(item.config)
    if run is not None:
        run.report(item, call, report)
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Findings outside of tests fail the run; reports are written."""
    run = _run(session.config)
    if run is not None:
        run.finish(session)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """The findings, once more and together."""
    run = _run(config)
    if run is not None:
        run.summarize(terminalreporter)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Take the hooks away."""
    run = _run(config)
    if run is not None:
        run.guard.remove()


def _run(config: pytest.Config) -> Run | None:
    return config.stash.get(_RUN, None)


def _begin(config: pytest.Config) -> Run:
    from pytest_sessionguard.run import Run

    run = config.stash[_RUN] = Run(config)
    run.guard.install()
    return run


def _patch() -> None:
    from pytest_sessionguard.backends.patch import patch

    patch()
