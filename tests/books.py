"""The hall's rows and journal without a service: use cases one by one, without a loop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from edge.clock import Clock
from edge.database import Session
from edge.journal import Event, Journal, open_epoch
from edge.queue.estimates import Forecasts
from edge.queue.outlook import Outlook
from edge.windows.desk import know_windows
from edge.windows.skills import effective
from tests.alike import open_database
from tests.hall import Wall, counter, demo_hall

Result = TypeVar("Result")


class Books:
    """The books of one hall in `folder`. Each `do` is one transaction; one that raises writes nothing."""

    def __init__(self, folder: Path) -> None:
        self.hall, self.wall, self.ids = demo_hall(folder), Wall(), counter()
        self.database = open_database(folder)
        self.epoch = open_epoch(self.database, self.ids())
        self.journal = Journal(self.database, self.hall.hall.code, self.epoch)
        self.clock = Clock(self.hall.zone_info, self.wall)
        self.do(know_windows, None)

    def do(self, use_case: Callable[..., Result], command: Any) -> Result:
        with self.database.writing.begin() as connection:
            session = Session(connection, self.ids, self.epoch)
            return use_case(session, effective(connection, self.hall), self.clock.now(), command)

    def outlook(self) -> Outlook:
        return Forecasts(self.database, self.journal, self.clock, lambda: self.hall).fresh()

    def rows(self, sql: str, *values: Any) -> list[Any]:
        with self.database.read() as connection:
            return list(connection.exec_driver_sql(sql, values).all())

    def events(self, type_: str = "") -> list[Event]:
        return [event for event in self.journal.read(0, 100_000) if event.type.startswith(type_)]
