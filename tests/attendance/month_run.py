"""The simulated month goes through a running hall, terminal by terminal and day by day, and on into April: published,
objected to, corrected, locked. What became of it is what test_month.py looks at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

import looptime

from edge.attendance import publishing, record, roster
from edge.database import Database
from edge.refusal import Refused
from edge.schema import TABLES
from tests.attendance.cast import day, simulated
from tests.attendance.days import ZONE
from tests.attendance.gates import GATES, HIK, PUSH, ZK, Gates, gates_world, open_gates
from tests.attendance.month import LEFT, UNITS, Month, Touch, at, calendar
from tests.hall import Running

LIVE = (day(3), day(24))
"""On these days the terminals tell each touch as it happens; on the others they are asked in the evening."""
DEAD = (day(9), day(10))
"""The ZKTeco terminal answers nothing, and records on."""
WRONG = (day(17), day(18), day(19))
"""The Hikvision terminal is off the network, and its clock is seven minutes ahead."""
AHEAD_S = 420
EMPTIED = (day(6), day(13), day(27))
"""The caretaker empties the ZKTeco terminal's memory, which holds 3000."""
RESTARTED, REPLAYED = day(13), day(27)
OBJECTOR, TOO_LATE = "2014", "2005"


@dataclass
class Run:
    month: Month
    database: Database
    publication: str = ""
    notes: dict[str, Any] = field(default_factory=dict)
    """What was seen on the way."""

    def rows(self, sql: str, *values: Any) -> list[Any]:
        with self.database.read() as connection:
            return list(connection.exec_driver_sql(sql, values).all())

    @cached_property
    def snapshots(self) -> dict[str, publishing.Snapshot]:
        """工号 -> what holds."""
        with self.database.read() as connection:
            return dict(publishing.snapshots(connection, self.publication))


def run(folder: Path) -> Run:
    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        return runner.run(_run(folder))


def _with_units(text: str) -> str:
    units = "".join(f'\n[[unit]]\nid = "{each}"\nname = "{each}"\n' for each in UNITS if f'id = "{each}"' not in text)
    windows = (f'\n[[window]]\nno = {no}\nname = "{no}号"\nzone = "f1"\nskills = ["pension"]\n' for no in (4, 5, 6))
    return text + units + "".join(windows)


async def _run(folder: Path) -> Run:
    month, world = simulated(), gates_world(folder, _with_units)
    gates, notes = Gates(world), dict[str, Any]()
    for device in GATES:
        gates.enrol(device, ((each.id, each.name) for each in month.people if device in month.gates(each.id)))
    days = [(on, list(touches)) for on, touches in groupby(month.touches(), lambda touch: touch.at.date())]
    first = [each for each in days if each[0] <= RESTARTED]
    _set(gates, at(day(1), "20:00"))
    async with open_gates(gates) as hall:
        await hall.parts.writer.do(record.set_days, record.SetDays(calendar(), "ops"))
        await hall.parts.writer.do(roster.change, roster.Changed(tuple(month.people), "csv"))
        await hall.up(*GATES)
        await _through(hall, gates, notes, first)
    async with open_gates(gates) as hall:
        await hall.up(*GATES)
        await _through(hall, gates, notes, days[len(first) :], sum(len(each) for _, each in first))
        publication = await _april(hall, gates, notes, month)
        notes["events"] = [
            (each.type, each.data, each.at) for each in hall.events() if each.type != "attendance.punched"
        ]
        notes["told"] = len(hall.events("attendance.punched"))
    return Run(month, Database(folder / "hall.sqlite", TABLES), publication, notes)


def _set(gates: Gates, local: datetime) -> None:
    """A quarter of a second on: terminals cut off parts of seconds."""
    seconds = local.replace(tzinfo=ZONE).timestamp() + 0.25
    gates.world.wall.at = seconds - asyncio.get_running_loop().time()


# ---- March


async def _through(
    hall: Running, gates: Gates, notes: dict[str, Any], days: Iterable[tuple[date, list[Touch]]], stored: int = 0
) -> None:
    waiting: list[Touch] = []
    for on, touches in days:
        await _morning(gates, on)
        for touch in touches:
            _set(gates, touch.at)
            await gates.touch(touch.gate, touch.person, leaving=touch.leaving)
            if on in LIVE:
                await asyncio.sleep(0.02)
        away = await _evening(gates, on)
        waiting += touches
        stored += sum(touch.gate not in away for touch in waiting)
        waiting = [touch for touch in waiting if touch.gate in away]
        await hall.until(lambda stored=stored: count(hall) == stored, within=90)  # type: ignore[misc]
        await _night(hall, gates, notes, on)


def count(hall: Running) -> int:
    with hall.parts.database.read() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM punch").scalar_one())


async def _morning(gates: Gates, on: date) -> None:
    _set(gates, at(on, "07:00"))
    await asyncio.sleep(2)
    stay = set(GATES) if on in LIVE else {ZK} if on in DEAD else set[str]()
    for device in GATES:
        if device not in stay | gates.world.cut_off:
            await gates.unplug(device)
    if on == WRONG[0]:
        gates.clocks[HIK].off_s = AHEAD_S
    if on == DEAD[0]:
        gates.zk.control("dead")
    await asyncio.sleep(1)


async def _evening(gates: Gates, on: date) -> set[str]:
    """The terminals that cannot be asked tonight."""
    _set(gates, at(on, "20:30"))
    away = {ZK} if on == DEAD[0] else {HIK} if on in WRONG[:-1] else set[str]()
    if on == DEAD[-1]:
        gates.zk.control("dead")
    for device in GATES:
        unplugged = device in gates.world.cut_off or (device == PUSH and gates.push.on["offline"])
        if unplugged and device not in away:
            gates.plug(device)
    if on == DEAD[0]:
        await asyncio.sleep(45)  # so that it is missed
    return away


async def _night(hall: Running, gates: Gates, notes: dict[str, Any], on: date) -> None:
    if on in EMPTIED:
        gates.zk.memory.records.clear()
    if on == WRONG[-1]:
        await asyncio.sleep(1)
        notes["clock_off_s"] = gates.clocks[HIK].off_s
    if on == REPLAYED:
        for terminal in (gates.push, gates.hik):
            terminal.control("replay")
        notes["again"] = len(gates.push.memory.pending)
        await asyncio.sleep(30)
        notes["still_pending"], notes["rows_after"] = len(gates.push.memory.pending), count(hall)
    if on == LEFT[1] + timedelta(days=3):  # the next working day but the Saturday
        notes["leaver_there"] = LEFT[0] in gates.hik.memory.users


# ---- April


async def _april(hall: Running, gates: Gates, notes: dict[str, Any], month: Month) -> str:
    writer, rules = hall.parts.writer, hall.parts.rules
    _set(gates, at(date(2026, 4, 1), "09:00"))
    await asyncio.sleep(2)
    notes["entered"] = await writer.do(record.enter, record.Enter(tuple(month.entries), "csv", "csv"))
    id_ = await writer.do(publishing.publish, publishing.Publish(rules, "monthly", day(1), "ops"))
    _set(gates, at(date(2026, 4, 2), "10:00"))
    said = publishing.Object(rules, id_, OBJECTOR, "3月26日18:04已打卡，按错了键", OBJECTOR)
    objection = await writer.do(publishing.object_, said)
    _set(gates, at(date(2026, 4, 4), "00:01"))  # the third of April was the second working day
    await asyncio.sleep(3)
    notes["locked_with_an_objection"] = _locked_at(hall, id_)
    try:
        await writer.do(publishing.object_, publishing.Object(rules, id_, TOO_LATE, "3月9日只晚了一秒", TOO_LATE))
    except Refused as refused:
        notes["refused"] = refused
    _set(gates, at(date(2026, 4, 7), "09:00"))
    touched = at(day(26), "18:04:15")
    month.enter("manual_punch", OBJECTOR, touched, touched, direction="out")
    await writer.do(record.enter, record.Enter((month.entries[-1],), "ops", "ops"))
    correct = publishing.Correct(rules, id_, OBJECTOR, "ops", "按错键，监控核实18:04下班")
    notes["version"] = await writer.do(publishing.correct, correct)
    notes["locked_before_the_answer"] = _locked_at(hall, id_)
    await writer.do(publishing.answer, publishing.AnswerObjection(objection, "属实，已补登", upheld=True, by="ops"))
    notes["locked_at"] = await hall.until(lambda: _locked_at(hall, id_))
    return id_


def _locked_at(hall: Running, id_: str) -> int | None:
    with hall.parts.database.read() as connection:
        return publishing.publication(connection, id_).locked_at
