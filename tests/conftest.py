"""What holds for every test: its tasks end well, it cites known rows only, and with CI set it may not be skipped.

That warnings are errors and that no test reaches beyond this machine is set in pyproject.toml;
tests/gates/test_harness.py shows that each of these rules can fail.
"""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Generator
from pathlib import Path

import pytest

ROWS = Path(__file__).with_name("requirements.txt")
MEMORY, ROOM = Path("/dev/shm"), 4 * 2**30
# Not installed, and httpx looks for it along the whole path at every request.
sys.modules.setdefault("sniffio", None)  # type: ignore[arg-type]


def known_rows(text: str) -> dict[str, str]:
    """The stage of each requirement row: `ID<TAB>stage` per line, `#` starts a comment."""
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return dict(line.split("\t") for line in lines)


def pytest_configure(config: pytest.Config) -> None:
    """Tests write into memory: nothing of theirs is to outlive a power cut. What is measured is measured on a disk."""
    if config.option.markexpr != "bench" and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM:
        tempfile.tempdir = os.environ.setdefault("TMPDIR", str(MEMORY))


def pytest_collection_finish() -> None:
    """What stays to the end need not be looked through again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
async def _tasks_end_well() -> AsyncIterator[None]:
    """Set up first, so torn down last: by then whoever started a task must have ended it, and read its error.

    It needs a loop for every test, so page tests use Playwright's async API: the other keeps a loop of its own running.
    """
    unread: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unread.append(repr(context)))
    yield
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"tasks outlive the test: {sorted(repr(task) for task in left)}"
    assert not unread, f"errors that nobody read: {unread}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rows = known_rows(ROWS.read_text("utf-8"))
    cited = ((item.nodeid, row) for item in items for mark in item.iter_markers("req") for row in mark.args)
    unknown = sorted({f"{test} cites {row}" for test, row in cited if row not in rows})
    if unknown:
        raise pytest.UsageError("requirement rows that do not exist: " + "; ".join(unknown))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if os.environ.get("CI") and (report.skipped or hasattr(report, "wasxfail")):
        report.outcome = "failed"
        report.longrepr = f"skipped or expected to fail, which is a failure where CI is set: {report.longrepr}"
        report.__dict__.pop("wasxfail", None)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if os.environ.get("CI") and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"a whole file is skipped, which is a failure where CI is set: {report.longrepr}"
    return report
