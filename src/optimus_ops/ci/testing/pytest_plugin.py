"""pytest plugin: where tests failed, which ones, and a run of these only.

`--record-failed FILE` writes the ids of failed tests, one a line; `--only-failed FILE` runs those of such a file.
A failed test has the property `place` in JUnit: the line of its own file that the failure came through.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the two options."""
    group = parser.getgroup("optimus")
    group.addoption("--record-failed", metavar="FILE", type=Path, help="write the ids of failed tests to the file")
    group.addoption("--only-failed", metavar="FILE", type=Path, help="run only the tests whose ids are in the file")


def pytest_configure(config: pytest.Config) -> None:
    """Collect failed tests in the one process that hears of all of them."""
    path = config.getoption("--record-failed")
    if path is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(FailedTests(path))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests of `--only-failed`."""
    path = config.getoption("--only-failed")
    if path is None:
        return
    asked = set(path.read_text("utf-8").splitlines())
    if others := [item for item in items if item.nodeid not in asked]:
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item.nodeid in asked]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note the line of the test's file that a failure came through."""
    report = yield
    if report.failed and call.excinfo is not None and not any(name == "place" for name, _ in item.user_properties):
        lines = [entry.lineno + 1 for entry in call.excinfo.traceback if Path(entry.path) == item.path]
        place = f"{item.location[0]}:{lines[-1] if lines else (item.location[1] or 0) + 1}"
        item.user_properties.append(("place", place))
        report.user_properties = list(item.user_properties)
    return report


class FailedTests:
    """The ids of tests that failed."""

    def __init__(self, path: Path) -> None:
        """Begin with none."""
        self.path = path
        self.names: dict[str, None] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the id of a test that failed, in set-up and clean-up as well."""
        if report.failed:
            self.names[report.nodeid] = None

    def pytest_sessionfinish(self) -> None:
        """Write the ids."""
        self.path.write_text("".join(f"{name}\n" for name in self.names), "utf-8")
