"""The rules of tests/conftest.py and pyproject.toml, each shown to fail: tiny suites run in processes of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from xml.etree import ElementTree

import pytest

from tests.gates.tree import ROOT

BAD = {
    "task": (
        "tasks outlive the test",
        """
        import asyncio
        async def test_bad():
            asyncio.get_running_loop().forgotten = asyncio.create_task(asyncio.sleep(9))
    """,
    ),
    "task of a fixture": (
        "tasks outlive the test",
        """
        import asyncio, pytest
        @pytest.fixture
        async def line():
            asyncio.get_running_loop().forgotten = asyncio.create_task(asyncio.sleep(9))
            yield
        def test_bad(line): pass
    """,
    ),
    "task in virtual time": (
        "tasks outlive the test",
        """
        import asyncio, pytest
        @pytest.mark.looptime
        async def test_bad():
            await asyncio.sleep(3600)
            asyncio.get_running_loop().forgotten = asyncio.create_task(asyncio.sleep(9))
    """,
    ),
    "warning": (
        "DeprecationWarning: old",
        """
        import warnings
        def test_bad(): warnings.warn("old", DeprecationWarning)
    """,
    ),
    "socket left open": (
        "ResourceWarning: unclosed <socket",
        """
        import socket
        def test_bad(): socket.socket()
    """,
    ),
    "link left open": (
        "ResourceWarning: unclosed",
        """
        import asyncio
        from drivers.link import open_link
        async def test_bad():
            server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
            await open_link("tcp://127.0.0.1:%d" % server.sockets[0].getsockname()[1])
            server.close()
    """,
    ),
    "error in a task nobody awaits": (
        "errors that nobody read",
        """
        import asyncio, gc
        async def fail(): raise ValueError
        async def test_bad():
            asyncio.create_task(fail())
            await asyncio.sleep(0.01)
            gc.collect()
    """,
    ),
    "coroutine never awaited": (
        "was never awaited",
        """
        async def nothing(): pass
        def test_bad(): nothing()
    """,
    ),
    "socket to the outside": (
        "SocketConnectBlockedError",
        """
        import socket
        def test_bad():
            with socket.socket() as outside:
                outside.settimeout(0.2)
                try: outside.connect(("192.0.2.1", 9))
                except OSError: pass
    """,
    ),
}
"""Each fails by itself, so one suite holds them all."""

FATAL = {
    "unknown row": (
        "test_bad cites QUE-999",
        """
        import pytest
        @pytest.mark.req("QUE-01", "QUE-999")
        def test_bad(): pass
    """,
    ),
    "unknown marker": (
        "'requirement' not found in `markers`",
        """
        import pytest
        @pytest.mark.requirement("QUE-01")
        def test_bad(): pass
    """,
    ),
}
"""Ends the whole suite that it is in."""

SKIPPED = """
    import pytest
    def test_skip(): pytest.skip("later")
    @pytest.mark.skip
    def test_skip_mark(): pass
    @pytest.mark.xfail
    def test_xfail(): assert False
    @pytest.mark.xfail
    def test_xfail_that_passes(): pass
"""

FILE_SKIPPED = """
    import pytest
    pytest.importorskip("no_such_module")
"""

GOOD = """
    import asyncio, pytest, socket
    @pytest.fixture
    async def line():
        task = asyncio.create_task(asyncio.sleep(9))
        yield task
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    @pytest.mark.req("QUE-01")
    async def test_async(line): assert not line.done()
    def test_sync(line): assert not line.done()
    def test_own_loop(): asyncio.run(asyncio.sleep(0))
    @pytest.mark.looptime
    async def test_virtual(): await asyncio.sleep(3600)
    @pytest.mark.bench
    def test_bench(): assert False, "asked for by make bench only"
    def test_this_machine():
        with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()): pass
        with socket.socket(socket.AF_UNIX) as line:
            with pytest.raises(FileNotFoundError): line.connect("no-such.sock")
"""


def run_suite(folder: Path, sources: Mapping[str, str], *, ci: bool) -> subprocess.CompletedProcess[str]:
    """Runs `sources` as the test files of a suite with our conftest.py and pyproject.toml; leaves `report.xml`."""
    tests = folder / "tests"
    tests.mkdir()
    shutil.copy(ROOT / "pyproject.toml", folder)
    (folder / "drivers").symlink_to(ROOT / "drivers")
    for name in ("conftest.py", "requirements.txt"):
        shutil.copy(ROOT / "tests" / name, tests)
    for name, source in sources.items():
        (tests / f"test_{name}.py").write_text(dedent(source))
    env = {key: value for key, value in os.environ.items() if key != "CI"} | ({"CI": "true"} if ci else {})
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--junitxml", "report.xml"]
    return subprocess.run(command, cwd=folder, env=env, check=False, capture_output=True, text=True)


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each of the bad tests was found to have done, by its name."""
    folder = tmp_path_factory.mktemp("bad")
    sources = {str(nth): source for nth, (_, source) in enumerate(BAD.values())}
    assert run_suite(folder, sources, ci=False).returncode != 0
    told = dict.fromkeys(BAD, "")
    for case in ElementTree.parse(folder / "report.xml").iter("testcase"):
        name = list(BAD)[int(case.attrib["classname"].removeprefix("tests.test_"))]
        told[name] += "".join(fault.attrib["message"] + (fault.text or "") for fault in case)
    return told


@pytest.mark.parametrize("name", BAD)
def test_a_bad_test_fails(faults: dict[str, str], name: str) -> None:
    assert BAD[name][0] in faults[name]


@pytest.mark.parametrize(("reason", "source"), FATAL.values(), ids=FATAL)
def test_a_test_that_cannot_be_meant_ends_all(tmp_path: Path, reason: str, source: str) -> None:
    done = run_suite(tmp_path, {"sample": source}, ci=False)
    assert done.returncode != 0
    assert reason in done.stdout + done.stderr


def test_a_good_test_passes(tmp_path: Path) -> None:
    done = run_suite(tmp_path, {"sample": GOOD}, ci=True)
    assert "5 passed, 1 deselected" in done.stdout
    assert done.returncode == 0


def test_skipping_fails_where_ci_is_set(tmp_path: Path) -> None:
    done = run_suite(tmp_path, {"sample": SKIPPED}, ci=True)
    assert "3 failed, 1 error in" in done.stdout
    assert done.returncode != 0


def test_skipping_a_file_fails_where_ci_is_set(tmp_path: Path) -> None:
    done = run_suite(tmp_path, {"sample": FILE_SKIPPED}, ci=True)
    assert "a whole file is skipped" in done.stdout
    assert done.returncode != 0


def test_skipping_is_allowed_at_a_desk(tmp_path: Path) -> None:
    done = run_suite(tmp_path, {"sample": SKIPPED}, ci=False)
    assert "2 skipped, 1 xfailed, 1 xpassed" in done.stdout
    assert done.returncode == 0
