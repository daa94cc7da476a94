"""The engine, the one writer, and readers that never wait for it.

SQLite in WAL with synchronous=FULL: what was acknowledged survives a power cut. One writer runs the use cases in
turn, each in a savepoint; those that wait share one commit; results are released only after it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, MetaData, RootTransaction, Table, create_engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.schema import CreateColumn

from edge.clock import Clock, Now
from edge.hall import Hall
from edge.statements import Direct, Statements

log = logging.getLogger("hall.database")

METADATA = MetaData()
APPLICATION_ID = 0x48414C4C  # "HALL"
SCHEMA = 10
LOCKED_MS = 5_000
"""How long a transaction waits while another program writes."""
BATCH = 128
"""At most so many use cases share one commit."""
RETRY_S = 2.0
"""Between attempts to store what must be stored."""

Result = TypeVar("Result")
Command = TypeVar("Command")


class Unstored(Exception):
    """The database could not keep it (disk full, locked for too long): nothing was written."""


class Broken(Exception):
    """The database or its disk cannot be trusted any more: the process must end."""


@dataclass(slots=True)
class Session:
    """What a use case gets to write with; it lives for one transaction and cannot be awaited in."""

    connection: Statements
    new_id: Callable[[], str]
    epoch: str
    """Changes when the database is made anew, so that event ids never repeat."""
    written: list[Any] = field(default_factory=list)
    """The journal events of this transaction, for the readers after the commit."""
    before: Any = None
    """The journal event before them, if this process wrote it."""
    hall_changed: bool = False
    """Whoever comes next has another hall: a use case says so."""


# ---- engines


def _engine(path: Path, *, writer: bool) -> Engine:
    engine = create_engine(
        f"sqlite+pysqlite:///{path}",
        connect_args={"check_same_thread": False, "timeout": LOCKED_MS / 1000},
        pool_size=1 if writer else 8,
        max_overflow=0 if writer else 32,
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in _pragmas(writer):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A deferred BEGIN that upgrades later fails at once under contention, whatever the time-out.
        Direct(_raw(connection)).exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")

    return engine


def _raw(connection: Connection) -> Any:
    return connection.connection.dbapi_connection


def _pragmas(writer: bool) -> list[str]:
    both = ["foreign_keys=ON", "trusted_schema=OFF", "cell_size_check=ON", "mmap_size=0", "temp_store=MEMORY"]
    if not writer:
        # Only the writer checkpoints: two connections doing so at once corrupt SQLite before 3.51.3.
        return [*both, "wal_autocheckpoint=0", "query_only=ON"]
    return [
        "auto_vacuum=INCREMENTAL",
        "journal_mode=WAL",
        *both,
        "synchronous=FULL",
        "secure_delete=ON",
        "wal_autocheckpoint=1000",
        f"journal_size_limit={64 * 1024 * 1024}",
    ]


class Database:
    """The file, opened for one writer and many readers. Raises `Broken` for a newer version's file or another kind."""

    def __init__(self, path: Path, tables: Sequence[Table]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        self.path = path
        self.writing = _engine(path, writer=True)
        self.reading = _engine(path, writer=False)
        try:
            self._migrate(tables)
        except SQLAlchemyError as error:
            self.close()
            raise Broken(f"{path}: {error}") from error

    def _migrate(self, tables: Sequence[Table]) -> None:
        with self.writing.begin() as connection:
            version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
            owner = connection.exec_driver_sql("PRAGMA application_id").scalar_one()
            if owner not in (0, APPLICATION_ID):
                raise Broken(f"{self.path} belongs to another program")
            if version > SCHEMA:
                raise Broken(f"{self.path} was written by a newer version (schema {version}, this one knows {SCHEMA})")
            if version < SCHEMA:
                METADATA.create_all(connection, tables, checkfirst=version > 0)
                for table in tables if version > 0 else ():
                    _add_columns(connection, table)
                for upkeep in (sql for table in tables for sql in table.info.get("upkeep", ())):
                    connection.exec_driver_sql(upkeep)
                connection.exec_driver_sql(f"PRAGMA application_id={APPLICATION_ID}")
                connection.exec_driver_sql(f"PRAGMA user_version={SCHEMA}")

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one moment and cannot write."""
        with self.reading.begin() as connection:
            yield connection

    def close(self) -> None:
        self.reading.dispose()
        self.writing.dispose()


def _add_columns(connection: Connection, table: Table) -> None:
    """What an earlier version's table lacks: columns that may be empty or say themselves what stands in old rows."""
    there = {row[1] for row in connection.exec_driver_sql(f"PRAGMA table_info({table.name})")}
    for column in table.columns:
        if column.name not in there:
            ddl = CreateColumn(column).compile(dialect=connection.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {ddl}")
    for index in table.indexes:
        index.create(connection, checkfirst=True)


# ---- the writer


@dataclass(slots=True)
class _Job:
    run: Callable[[Session, Hall, Now], Any]
    done: asyncio.Future[Any]
    brief: bool


Outcome = tuple[Any, BaseException | None]


@dataclass(slots=True)
class _Batch:
    """What jobs did in a transaction that is still to be committed."""

    transaction: RootTransaction
    outcomes: list[Outcome]
    written: list[Any]
    hall: Hall
    newest: Any


Effective = Callable[[Statements, Hall], Hall]
"""The hall as a transaction sees it: what is changed during the day beside the hall file."""


def _as_in_the_file(_connection: Statements, hall: Hall) -> Hall:
    return hall


class Writer:
    """Runs use cases `(session, hall, now, command) -> result` in turn; `do` returns after the commit.

    The executor is a thread in production and inline in simulation. `after_commit` gets the journal events of each
    batch, in order, before any result is released.
    """

    def __init__(
        self,
        database: Database,
        hall: Hall,
        clock: Clock,
        new_id: Callable[[], str],
        executor: Executor,
        epoch: str,
        after_commit: Callable[[list[Any]], None],
        effective: Effective = _as_in_the_file,
    ) -> None:
        self._clock, self._new_id, self._epoch = clock, new_id, epoch
        self._executor, self._after_commit, self._effective = executor, after_commit, effective
        with database.read() as connection:
            self.hall = effective(connection, hall)
            """As of the last commit: what readers go by."""
        self._connection = database.writing.connect()
        self._locked_ms = LOCKED_MS
        self._newest: Any = None
        self._jobs: asyncio.Queue[_Job] = asyncio.Queue()
        self.commits = 0
        """Moves with every batch: a self-check for the watchdog."""
        self.unstored: tuple[int, str] | None = None
        """Since when nothing could be kept (UTC, milliseconds), and why; until something is written again."""

    async def do(
        self, use_case: Callable[[Session, Hall, Now, Command], Result], command: Command, *, brief: bool = False
    ) -> Result:
        """Raises `Refused` and whatever else the use case raises, or `Unstored`; then nothing of it was written.

        `brief`: it takes less than a millisecond, however much there is, and may run on the event loop.
        """
        job = _Job(
            lambda session, hall, now: use_case(session, hall, now, command),
            asyncio.get_running_loop().create_future(),
            brief,
        )
        self._jobs.put_nowait(job)
        result: Result = await job.done
        return result

    async def insist(self, use_case: Callable[[Session, Hall, Now, Command], Result], command: Command) -> Result:
        """As `do`, again and again while the database can keep nothing: for what no one waits for and no one repeats.

        A full disk must not end the loops of the service: they go on when there is room.
        """
        while True:
            try:
                return await self.do(use_case, command)
            except Unstored as error:
                log.error("cannot be stored, tried again in %g s: %s", RETRY_S, error)
                await asyncio.sleep(RETRY_S)

    async def run(self) -> None:
        """Ends only by cancellation, or by `Broken` when the disk cannot be trusted."""
        try:
            while True:
                jobs = [await self._jobs.get()]
                while len(jobs) < BATCH and not self._jobs.empty():
                    jobs.append(self._jobs.get_nowait())
                try:
                    outcomes, written = await self._store(jobs)
                except Broken as broken:
                    _release(jobs, [(None, broken)] * len(jobs))
                    raise
                self.commits += 1
                self._note(outcomes, written)
                if written:
                    self._after_commit(written)
                _release(jobs, outcomes)
        finally:
            # After the batch that the thread may still be at: closing under it would undo half of a use case.
            self._executor.submit(self._connection.close)

    def _note(self, outcomes: list[Outcome], written: list[Any]) -> None:
        lost = next((error for _, error in outcomes if isinstance(error, Unstored)), None)
        if lost is not None:
            since = self.unstored[0] if self.unstored else self._clock.now().at
            self.unstored = since, str(lost)
        elif written:
            self.unstored = None

    async def _store(self, jobs: list[_Job]) -> tuple[list[Outcome], list[Any]]:
        """Leaves what waits for the disk to the thread. Brief jobs are run here: a change of threads for each of their
        statements, while the loop is busy, costs more than the statement.
        """
        batch = None
        if all(job.brief for job in jobs):
            with contextlib.suppress(DBAPIError):  # the thread tries it anew, waits where it must, and says why
                batch = self._open(jobs, 0)
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._commit, jobs, batch)

    def _commit(self, jobs: list[_Job], begun: _Batch | None = None) -> tuple[list[Outcome], list[Any]]:
        try:
            batch = begun or self._open(jobs, LOCKED_MS)
            with batch.transaction:
                pass  # commits, or else rolls back
            self.hall, self._newest = batch.hall, batch.newest
            return batch.outcomes, batch.written
        except DBAPIError as error:
            if _fatal(error):
                raise Broken(str(error.orig)) from error
            if len(jobs) == 1:
                return [(None, Unstored(str(error.orig)))], []
        # One of them hit the disk's end, and SQLite rolled all of them back: each alone gets its own answer.
        outcomes: list[Outcome] = []
        written: list[Any] = []
        for job in jobs:
            alone, events = self._commit([job])
            outcomes += alone
            written += events
        return outcomes, written

    def _open(self, jobs: list[_Job], locked_ms: int) -> _Batch:
        """Waits so long while another program writes. Raises DBAPIError; then nothing is begun."""
        raw = _raw(self._connection)
        if locked_ms != self._locked_ms:
            raw.execute(f"PRAGMA busy_timeout={locked_ms}")
            self._locked_ms = locked_ms
        batch = _Batch(self._connection.begin(), [], [], self.hall, self._newest)
        try:
            for job in jobs:
                self._run(job, batch, Direct(raw))
            # A full disk inside a savepoint rolls the whole transaction back, and what follows would commit by itself.
            if not raw.in_transaction:
                raise DBAPIError("COMMIT", None, RuntimeError("the transaction was rolled back behind our back"))
        except BaseException:  # whatever it was: nothing of a broken batch may be committed with the next one
            batch.transaction.rollback()
            raise
        return batch

    def _run(self, job: _Job, batch: _Batch, direct: Direct) -> None:
        session = Session(direct, self._new_id, self._epoch, before=batch.newest)
        outcome = self._one(job, session, batch.hall)
        batch.outcomes.append(outcome)
        if outcome[1] is not None:
            return
        if session.written:
            batch.written += session.written
            batch.newest = session.written[-1]
        if session.hall_changed:
            batch.hall = self._effective(direct, batch.hall)

    def _one(self, job: _Job, session: Session, hall: Hall) -> Outcome:
        """Runs one use case in its savepoint. Raises a DBAPIError that concerns the whole transaction."""
        connection = session.connection
        connection.exec_driver_sql("SAVEPOINT use_case")
        try:
            outcome: Outcome = (job.run(session, hall, self._clock.now()), None)
        except Exception as error:  # whatever a use case raises goes to whoever asked, and only it is undone
            if isinstance(error, DBAPIError) and not isinstance(error, IntegrityError):
                raise
            connection.exec_driver_sql("ROLLBACK TO use_case")
            outcome = (None, error)
        connection.exec_driver_sql("RELEASE use_case")
        return outcome


def _release(jobs: list[_Job], outcomes: list[Outcome]) -> None:
    for job, (result, error) in zip(jobs, outcomes, strict=True):
        if job.done.done():
            continue  # whoever asked has gone; what was written stays
        if error is None:
            job.done.set_result(result)
        else:
            job.done.set_exception(error)


def _fatal(error: DBAPIError) -> bool:
    name = getattr(error.orig, "sqlite_errorname", "")
    return name.startswith(("SQLITE_IOERR", "SQLITE_CORRUPT", "SQLITE_NOTADB"))
