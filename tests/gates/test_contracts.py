"""The import contracts of pyproject.toml: an honest stand-in of the tree keeps them, a wrong import breaks its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.gates.tree import ROOT

HONEST = {
    "edge/__main__.py": "import drivers.base\nimport edge.process, edge.watchdog, edge.schema, edge.hallfile",
    "edge/process.py": "import drivers.link, edge.app, edge.schema\nimport edge.watchdog, edge.reactions, edge.sweep",
    "edge/simulate.py": "import edge.queue.replay, edge.queue.plot",
    "edge/day.py": "import edge.day_api, edge.day_play",
    "edge/day_play.py": "import edge.day_api, edge.queue.scenario",
    "edge/day_api.py": "import httpx",
    "edge/app.py": "import fastapi\nimport edge.queue.routes, edge.pages.routes, edge.feed.routes, edge.guard",
    "edge/pages/routes.py": "import fastapi\nimport edge.guard\nimport edge.parts",
    "edge/feed/routes.py": "import fastapi\nimport edge.guard\nimport edge.journal",
    "edge/bookings/routes.py": "import fastapi\nimport edge.guard\nimport edge.bookings.slip",
    "edge/bookings/slip.py": "import edge.notices.slips, edge.queue.desk",
    "edge/helpdesk/routes.py": "import fastapi\nimport edge.guard\nimport edge.queue.desk",
    "edge/figures/routes.py": "import fastapi\nimport edge.guard\nimport edge.queue.desk",
    "edge/guard.py": "import fastapi\nimport edge.parts\nimport edge.access.tables",
    "edge/problems.py": "import edge.machine\nimport edge.parts",
    "edge/machine.py": "import edge.parts",
    "edge/watchdog.py": "import asyncio\nimport edge.parts",
    "edge/reactions.py": "import asyncio\nimport edge.parts",
    "edge/sweep.py": "import asyncio\nimport edge.parts",
    "edge/parts.py": "import fastapi\nimport edge.central.relay\nimport edge.devices.hub\nimport edge.queue.desk",
    "edge/schema.py": "import edge.central.tables\nimport edge.access.tables",
    "edge/central/relay.py": "import httpx\nimport edge.journal",
    "edge/central/routes.py": "import fastapi\nimport edge.guard\nimport edge.central.relay",
    "edge/central/tables.py": "import sqlalchemy\nimport edge.database",
    "edge/devices/hub.py": "import drivers.base\nimport drivers.link\nimport edge.notices.routing",
    "edge/devices/health.py": "import drivers.base",
    "edge/notices/routing.py": "import drivers.base\nimport edge.journal",
    "edge/inspection/desk.py": "import sqlalchemy\nimport edge.windows.desk",
    "edge/messages/desk.py": "import sqlalchemy\nimport edge.messages.texts\nimport edge.queue.desk",
    "edge/messages/texts.py": "import edge.hall\nimport edge.refusal",
    "edge/attendance/record.py": "import sqlalchemy\nimport edge.attendance.months\nimport edge.windows.desk",
    "edge/attendance/rules.py": "import edge.hall",
    "edge/attendance/months.py": "import edge.attendance.rules",
    "edge/attendance/outing.py": "",
    "edge/attendance/duty.py": "",
    "edge/attendance/posts.py": "",
    "edge/attendance/words.py": "",
    "edge/evaluation/desk.py": "import sqlalchemy\nimport edge.queue.desk",
    "edge/queue/tickets.py": "import edge.refusal",
    "edge/queue/balance.py": "import edge.queue.tickets",
    "edge/queue/scenario.py": "",
    "edge/queue/work.py": "",
    "edge/queue/policies.py": "import edge.queue.balance, edge.queue.scenario",
    "edge/queue/replay.py": "import edge.queue.balance, edge.queue.policies",
    "edge/queue/forecast.py": "import edge.queue.balance",
    "edge/queue/generate.py": "import edge.queue.scenario",
    "edge/queue/metrics.py": "import edge.queue.replay",
    "edge/queue/plot.py": "",
    "edge/queue/slots.py": "import edge.hallday",
    "edge/queue/what_if.py": "import edge.queue.replay, edge.queue.plot",
    "edge/queue/desk.py": "import sqlalchemy\nimport edge.queue.balance\nimport edge.windows.desk",
    "edge/queue/routes.py": "import fastapi\nimport edge.guard\nimport edge.queue.desk",
    "edge/windows/load.py": "import edge.hallwindows",
    "edge/windows/desk.py": "import sqlalchemy\nimport edge.access.tables",
    "edge/access/tables.py": "import sqlalchemy\nimport edge.journal",
    "edge/journal.py": "import sqlalchemy\nimport edge.database",
    "edge/database.py": "import sqlalchemy\nimport edge.statements, edge.clock, edge.hall, edge.refusal",
    "edge/clock.py": "",
    "edge/hallfile.py": "import tomllib\nimport edge.hall",
    "edge/hall.py": "import edge.halltexts, edge.hallqueue, edge.hallwindows",
    "edge/timetable/days.py": "import edge.journal, edge.hallday",
    "edge/timetable/routes.py": "import fastapi\nimport edge.guard\nimport edge.queue.desk",
    "edge/hallqueue.py": "import edge.hallday, edge.hallguide",
    "edge/hallbooking.py": "import edge.hallday",
    "edge/hallday.py": "import edge.calendar",
    "edge/hallguide.py": "",
    "edge/calendar.py": "",
    "edge/halltexts.py": "",
    "edge/hallwindows.py": "",
    "edge/hallscreens.py": "",
    "edge/bulletin/desk.py": "import sqlalchemy\nimport edge.journal\nimport edge.bulletin.leaves",
    "edge/bulletin/leaves.py": "import edge.hallscreens",
    "edge/mask.py": "",
    "edge/refusal.py": "",
    "edge/statements.py": "import sqlalchemy",
    "drivers/base.py": "",
    "drivers/link.py": "import serial\nimport drivers.base",
    "drivers/text.py": "",
    "drivers/usb.py": "",
    "drivers/raster.py": "",
    "drivers/program.py": "",
    "drivers/acme.py": "import drivers.base\nimport drivers.link\nimport drivers.text",
    "drivers/other.py": "import drivers.base",
    "simulators/acme.py": "",
}

DISHONEST = [
    ("drivers-know-no-hall", "drivers/acme.py", "import edge.clock"),
    ("drivers-know-no-hall", "drivers/base.py", "import simulators.acme"),
    ("simulators-are-written-apart", "simulators/acme.py", "import drivers.acme"),
    ("simulators-are-written-apart", "simulators/acme.py", "from edge import clock"),
    ("one-file-per-driver", "drivers/acme.py", "from drivers.other import anything"),
    ("one-file-per-driver", "drivers/base.py", "import drivers.acme"),
    ("floors", "edge/queue/desk.py", "import edge.notices.routing"),
    ("floors", "edge/messages/desk.py", "import edge.evaluation.desk"),
    ("floors", "edge/attendance/record.py", "import edge.devices.health"),
    ("floors", "edge/journal.py", "import edge.access.tables"),
    ("floors", "edge/hall.py", "import edge.clock"),
    ("floors", "edge/hallqueue.py", "import edge.hall"),
    ("floors", "edge/calendar.py", "import edge.hallday"),
    ("floors", "edge/timetable/days.py", "import edge.windows.desk"),
    ("floors", "edge/central/relay.py", "import edge.devices.health"),
    ("floors", "edge/clock.py", "import edge.database"),
    ("floors", "edge/schema.py", "import edge.parts"),
    ("floors", "edge/parts.py", "import edge.guard"),
    ("floors", "edge/guard.py", "import edge.watchdog"),
    ("floors", "edge/app.py", "import edge.process"),
    ("floors", "edge/app.py", "import edge.simulate"),
    ("floors", "edge/unplaced.py", "import edge.clock"),
    ("routes-are-the-top", "edge/devices/hub.py", "import edge.queue.routes"),
    ("http-at-the-rim", "edge/queue/desk.py", "import fastapi"),
    ("http-at-the-rim", "edge/access/tables.py", "from starlette.requests import Request"),
    ("http-at-the-rim", "edge/process.py", "import fastapi"),
    ("pure-modules", "edge/queue/balance.py", "import edge.windows.desk"),
    ("pure-modules", "edge/queue/replay.py", "import edge.queue.desk"),
    ("pure-modules", "edge/clock.py", "import asyncio"),
    ("pure-modules", "edge/hallday.py", "import sqlalchemy"),
    ("pure-modules", "edge/messages/texts.py", "import edge.queue.desk"),
    ("pure-modules", "edge/attendance/rules.py", "import edge.attendance.record"),
    ("notices-write-no-sql", "edge/notices/routing.py", "import sqlalchemy"),
    ("one-http-client", "edge/devices/hub.py", "import httpx"),
    ("one-listener", "edge/devices/hub.py", "import zeroconf"),
    ("one-loader", "edge/devices/hub.py", "import drivers.acme"),
    ("one-loader", "edge/devices/health.py", "import drivers.link"),
    ("one-loader", "edge/process.py", "import drivers.acme"),
    ("one-loader", "edge/queue/desk.py", "import drivers.base"),
]


def contracts() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    return found


def broken_contracts(tree: Path) -> set[str]:
    """The ids of the contracts that `lint-imports` calls broken in this tree."""
    lint = Path(sys.executable).with_name("lint-imports")
    wide = os.environ | {"COLUMNS": "200"}
    done = subprocess.run([lint, "--no-cache"], cwd=tree, env=wide, check=False, capture_output=True, text=True)
    assert "Contracts: " in done.stdout, done.stdout + done.stderr
    broken = {contract["id"] for contract in contracts() if f"{contract['name']} BROKEN" in done.stdout}
    assert bool(broken) == bool(done.returncode), done.stdout
    return broken


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name, text in HONEST.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
        (path.parent / "__init__.py").touch()
    return tmp_path


def test_an_honest_tree_keeps_them_all(tree: Path) -> None:
    assert broken_contracts(tree) == set()


@pytest.mark.parametrize(("contract", "name", "line"), DISHONEST)
def test_a_wrong_import_breaks_its_contract(tree: Path, contract: str, name: str, line: str) -> None:
    with (tree / name).open("a") as file:
        file.write(line + "\n")
    assert contract in broken_contracts(tree)


def test_every_contract_is_shown_to_fail() -> None:
    assert {contract["id"] for contract in contracts()} == {contract for contract, _, _ in DISHONEST}
