"""What all halls in memory have alike, made once: anew for each it was most of what opening one cost."""

from __future__ import annotations

import copy
import functools
import tempfile
import tomllib
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, cast
from unittest import mock

from fastapi import FastAPI
from starlette.datastructures import State

from edge.app import make_app
from edge.database import Database
from edge.parts import Parts
from edge.schema import TABLES

_parsed = functools.cache(tomllib.loads)


def read_once() -> AbstractContextManager[Any]:
    """While entered, the same TOML is parsed once. Nobody writes into what it gives."""
    return mock.patch("tomllib.loads", _parsed)


@functools.cache
def _tables() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hall.sqlite"
        Database(path, TABLES).close()
        return path.read_bytes()


def open_database(folder: Path) -> Database:
    """The hall's own in `folder`: a new one has its tables already."""
    path = folder / "hall.sqlite"
    if not path.exists():
        path.write_bytes(_tables())
    return Database(path, TABLES)


@functools.cache
def _routes() -> FastAPI:
    return make_app(cast(Parts, None))


def app_of(parts: Parts) -> FastAPI:
    """The HTTP face of these parts; it shares its routes with all others."""
    app = copy.copy(_routes())
    app.state = State({"parts": parts, "figures": {}})
    return app
