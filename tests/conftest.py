"""What every test can rely on: nothing is skipped where that is asked for."""

import os
from collections.abc import Generator

import pytest

from tests.examples import register_quick

pytest_plugins = ["pytester"]
register_quick()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--no-skips`."""
    parser.addoption("--no-skips", action="store_true", help="a skipped test is an error (always so when CI=true)")


def refuses_skips(config: pytest.Config) -> bool:
    """Whether a skip must fail: what a test needs is then brought by the test run, never left out."""
    return bool(config.getoption("--no-skips")) or os.environ.get("CI") == "true"


def skip_message(report: pytest.TestReport | pytest.CollectReport) -> str:
    """The failure that takes the place of a skip."""
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
    return f"{report.nodeid} was skipped, and nothing may be skipped here: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skipped test into a failed one. A test that is expected to fail has run, and stays as it is."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and refuses_skips(item.config):
        report.outcome, report.longrepr = "failed", skip_message(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn a module that skips itself while it is imported into an error."""
    report = yield
    if report.skipped and refuses_skips(collector.config):
        report.outcome, report.longrepr = "failed", skip_message(report)
    return report
