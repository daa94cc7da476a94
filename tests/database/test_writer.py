"""The writer: a result means that it is stored, a failure means that nothing of it is, and neighbours do not matter."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError, OperationalError

from edge.clock import Clock, Now
from edge.database import BATCH, LOCKED_MS, Broken, Database, Session, Unstored, Writer
from edge.hall import Hall
from edge.journal import Event, append
from edge.refusal import Refused
from edge.schema import TABLES
from tests.hall import Inline, Wall, counter, demo_hall

pytestmark = pytest.mark.looptime

ERRORS = {"refused": Refused, "twice": IntegrityError, "full": Unstored, "vanished": Unstored, "bug": ZeroDivisionError}
KINDS = st.sampled_from(["good", "good", "good", *ERRORS])
WHERE = pytest.mark.parametrize("brief", [False, True], ids=["in the thread", "on the loop"])


class Disk(Writer):
    """A writer on a database of its own, with what it told after each commit."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(folder / "hall.sqlite", TABLES)
        self.told: list[Event] = []
        hall = demo_hall(folder)
        clock = Clock(hall.zone_info, Wall())
        super().__init__(self.database, hall, clock, counter(), Inline(), "epoch", self.told.extend)

    def stored(self) -> set[str]:
        with self.database.read() as connection:
            return {row[0] for row in connection.exec_driver_sql("SELECT name FROM meta")}

    def journal(self) -> list[str]:
        with self.database.read() as connection:
            return [row[0] for row in connection.exec_driver_sql("SELECT key FROM journal ORDER BY seq")]


@contextlib.asynccontextmanager
async def disk(folder: Path) -> AsyncIterator[Disk]:
    writer = Disk(folder)
    running = asyncio.create_task(writer.run())
    try:
        yield writer
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError, Broken):
            await running
        writer.database.close()


def failure(name: str) -> OperationalError:
    error = sqlite3.OperationalError(name)
    error.sqlite_errorname = name
    return OperationalError("INSERT", None, error)


def note(session: Session, hall: Hall, now: Now, command: tuple[str, str]) -> str:
    """Writes a row and an event, and then does what `kind` says."""
    kind, name = command
    session.connection.exec_driver_sql("INSERT INTO meta (name, value) VALUES (?, '')", (name,))
    append(session, hall, now, "note.written", name, "test")
    if kind == "twice":
        session.connection.exec_driver_sql("INSERT INTO meta (name, value) VALUES (?, '')", (name,))
    elif kind == "refused":
        raise Refused("no", "不行")
    elif kind == "full":
        raise failure("SQLITE_FULL")
    elif kind == "broken":
        raise failure("SQLITE_IOERR_WRITE")
    elif kind == "vanished":
        session.connection.exec_driver_sql("ROLLBACK")
    elif kind == "bug":
        raise ZeroDivisionError
    return name


@settings(max_examples=60, deadline=None)
@given(st.lists(KINDS, max_size=12), st.booleans() | st.none())
async def test_each_gets_its_own_answer_whatever_shares_its_commit(kinds: list[str], brief: bool | None) -> None:
    """`brief` None: each other job is."""
    with tempfile.TemporaryDirectory() as folder:
        async with disk(Path(folder)) as writer:
            answers = await asyncio.gather(
                *(
                    writer.do(note, (kind, f"n{n}"), brief=n % 2 == 0 if brief is None else brief)
                    for n, kind in enumerate(kinds)
                ),
                return_exceptions=True,
            )
            good = [f"n{n}" for n, kind in enumerate(kinds) if kind == "good"]
            for kind, answer, name in zip(kinds, answers, [f"n{n}" for n in range(len(kinds))], strict=True):
                assert answer == name if kind == "good" else isinstance(answer, ERRORS[kind])
            assert writer.stored() == set(good)
            assert writer.journal() == good == [event.key for event in writer.told]
            assert [event.seq for event in writer.told] == list(range(1, len(good) + 1))


@WHERE
async def test_a_result_is_on_disk_and_told_when_it_is_released(tmp_path: Path, brief: bool) -> None:
    async with disk(tmp_path) as writer:

        async def ask(name: str) -> None:
            assert await writer.do(note, ("good", name), brief=brief) in writer.stored()
            assert name in [event.key for event in writer.told]

        await asyncio.gather(*(ask(f"n{n}") for n in range(BATCH + 10)))
        assert writer.commits == 2, "those that wait share a commit"


@WHERE
async def test_a_commit_that_fails_releases_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, brief: bool
) -> None:
    async with disk(tmp_path) as writer:
        original, failures = writer._connection.dialect.do_commit, iter([failure("SQLITE_FULL")])

        def commit(connection: Any) -> None:
            if error := next(failures, None):
                connection.rollback()  # as SQLite does by itself when a commit hits the disk's end
                raise error
            original(connection)

        monkeypatch.setattr(writer._connection.dialect, "do_commit", commit)
        with pytest.raises(Unstored):
            await writer.do(note, ("good", "lost"), brief=brief)
        assert (writer.stored(), writer.told) == (set(), [])
        assert await writer.do(note, ("good", "kept"), brief=brief) == "kept"
        assert writer.journal() == ["kept"]


@WHERE
async def test_a_full_disk_refuses_what_does_not_fit_and_keeps_the_rest(tmp_path: Path, brief: bool) -> None:
    def write(session: Session, _hall: Hall, _now: Now, size: int) -> int:
        session.connection.exec_driver_sql(
            "INSERT INTO meta (name, value) VALUES (?, ?)", (f"size {size} {session.new_id()}", "x" * size)
        )
        return size

    async with disk(tmp_path) as writer:
        pages = await writer.do(lambda s, *_: s.connection.exec_driver_sql("PRAGMA page_count").scalar_one(), None)
        limit = f"PRAGMA max_page_count={pages + 4}"
        await writer.do(lambda s, *_: s.connection.exec_driver_sql(limit).scalar_one(), None)
        sizes = [10, 100_000, 20, 100_000, 30]
        answers = await asyncio.gather(*(writer.do(write, size, brief=brief) for size in sizes), return_exceptions=True)
        assert [answer for answer in answers if not isinstance(answer, Unstored)] == [10, 20, 30]
        assert {name.split()[1] for name in writer.stored()} == {"10", "20", "30"}


async def test_the_loop_does_not_wait_for_another_program_that_writes(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as thread:
        async with disk(tmp_path) as writer:
            writer._executor = thread
            await _asked_while_locked(writer)


async def _asked_while_locked(writer: Disk) -> None:
    other = sqlite3.connect(writer.database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    asked, began = asyncio.create_task(writer.do(note, ("good", "late"), brief=True)), time.monotonic()
    for _ in range(3):  # it is asked, found locked, and left to the thread
        await asyncio.sleep(0)
    assert (time.monotonic() - began) * 1000 < LOCKED_MS / 2
    other.execute("ROLLBACK")
    other.close()
    assert await asked == "late"


async def test_who_has_gone_leaves_what_was_written(tmp_path: Path) -> None:
    async with disk(tmp_path) as writer:
        asking = asyncio.create_task(writer.do(note, ("good", "gone")))
        await asyncio.sleep(0)
        asking.cancel()
        assert await writer.do(note, ("good", "here")) == "here"
        assert writer.stored() == {"gone", "here"}


@WHERE
async def test_a_disk_that_cannot_be_trusted_ends_the_writer(tmp_path: Path, brief: bool) -> None:
    writer = Disk(tmp_path)
    running = asyncio.create_task(writer.run())
    answers = await asyncio.gather(
        *(writer.do(note, (kind, kind), brief=brief) for kind in ("good", "broken")), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [Broken, Broken]
    with pytest.raises(Broken, match="SQLITE_IOERR_WRITE"):
        await running
    assert writer.stored() == set()
    writer.database.close()


def test_a_database_of_another_kind_or_a_newer_version_is_not_touched(tmp_path: Path) -> None:
    for name, pragma in (("other", "application_id=1"), ("newer", "user_version=1000")):
        path = tmp_path / name
        with contextlib.closing(sqlite3.connect(path)) as raw:
            raw.execute(f"PRAGMA {pragma}")
        with pytest.raises(Broken):
            Database(path, TABLES)
        with contextlib.closing(sqlite3.connect(path)) as raw:
            assert raw.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    (tmp_path / "noise").write_bytes(b"no database at all, " * 100)
    with pytest.raises(Broken):
        Database(tmp_path / "noise", TABLES)


def layout(path: Path) -> dict[str, object]:
    """Names of indexes and triggers, and of each table its columns."""
    with contextlib.closing(sqlite3.connect(path)) as raw:
        made = raw.execute("SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'").fetchall()
        return {
            name: sorted(row[1:4] for row in raw.execute(f"PRAGMA table_info({name})")) if kind == "table" else kind
            for kind, name in made
        }


def test_a_hall_that_is_updated_has_what_a_new_one_has(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "old")) as raw:
        raw.executescript((Path(__file__).parent / "schema_8.sql").read_text("utf-8"))
    for name in ("old", "new"):
        Database(tmp_path / name, TABLES).close()
    assert layout(tmp_path / "old") == layout(tmp_path / "new")


def test_a_reader_cannot_write_and_sees_one_moment(tmp_path: Path) -> None:
    database = Database(tmp_path / "hall.sqlite", TABLES)
    count = "SELECT count(*) FROM meta"
    with database.read() as reader:
        assert reader.exec_driver_sql(count).scalar_one() == 0
        with database.writing.begin() as writing:
            writing.exec_driver_sql("INSERT INTO meta (name, value) VALUES ('a', '')")
        assert reader.exec_driver_sql(count).scalar_one() == 0
        with pytest.raises(OperationalError, match="readonly"):
            reader.exec_driver_sql("INSERT INTO meta (name, value) VALUES ('b', '')")
    with database.read() as reader:
        assert reader.exec_driver_sql(count).scalar_one() == 1
    database.close()
