"""The part of a database connection that use cases and views use: one statement in, rows out.

SQLAlchemy's `Connection` is one such; `Direct` is another, straight on the driver, for the hot path: around the nine
statements of an issue SQLAlchemy's own work was two thirds of the time (278 to 126 µs a use case).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from sqlalchemy.exc import DBAPIError


class Rows(Protocol):
    """What a statement gave; a row is a tuple."""

    @property
    def rowcount(self) -> int: ...

    def __iter__(self) -> Iterator[Any]: ...

    def all(self) -> Sequence[Any]: ...

    def first(self) -> Any: ...

    def one(self) -> Any:
        """The only row. Raises when there is none or more."""
        ...

    def scalar_one(self) -> Any:
        """The first column of the only row."""
        ...


class Statements(Protocol):
    def exec_driver_sql(self, statement: str, parameters: Any = None, /) -> Rows:
        """`?` or `:name` marks take `parameters`. Raises SQLAlchemy's errors."""
        ...


class _Fetched:
    __slots__ = ("_rows", "rowcount")

    def __init__(self, rows: list[Any], rowcount: int) -> None:
        self._rows, self.rowcount = rows, rowcount

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)

    def all(self) -> list[Any]:
        return self._rows

    def first(self) -> Any:
        return self._rows[0] if self._rows else None

    def one(self) -> Any:
        (row,) = self._rows
        return row

    def scalar_one(self) -> Any:
        return self.one()[0]


class Direct:
    """Statements on the raw connection of a transaction that SQLAlchemy has begun and will end."""

    __slots__ = ("_raw",)

    def __init__(self, raw: sqlite3.Connection) -> None:
        self._raw = raw

    def exec_driver_sql(self, statement: str, parameters: Any = None, /) -> Rows:
        try:
            cursor = self._raw.execute(statement, parameters or ())
            return _Fetched(cursor.fetchall(), cursor.rowcount)
        except sqlite3.Error as error:
            raise DBAPIError.instance(statement, parameters, error, sqlite3.Error) from error
