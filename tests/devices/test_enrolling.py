"""Terminals in a running hall follow its roster: told again after whatever cut it off, and asked whom they know."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from drivers.base import Device, DeviceError, Enrolled, Mode, ProtocolError, Rejected, Terminal, Unreachable
from edge.attendance import enrolments, roster
from edge.attendance.enrolment_views import overview
from edge.devices.enrolling import Enrolling
from edge.devices.terminals import terminals
from tests.hall import DAY_S, Running, World, running, without_devices

pytestmark = pytest.mark.looptime

GATE = """
[[device]]
id = "gate-1"
name = "一楼打卡机"
driver = "zkteco"
link = "tcp://127.0.0.1:{port+41}"
"""
ADDED = roster.Person(id="2001", name="钱新人", unit="rs", since=date(2026, 3, 1), letter="调字7号")
KNOWN = ADDED.model_copy(update={"id": "1001", "name": "张示例"})


def with_gate(text: str) -> str:
    return without_devices(text) + GATE


async def change(hall: Running, *persons: roster.Person) -> None:
    await hall.parts.writer.do(roster.change, roster.Changed(persons, "ops"))


def on_terminal(world: World) -> dict[str, str]:
    return {each.number: each.name for each in world.simulator("gate-1").memory.users.values()}


def states(hall: Running) -> dict[str, str]:
    with hall.parts.database.read() as connection:
        rows = connection.exec_driver_sql("SELECT person, state FROM enrolment ORDER BY person").all()
    return {person: state for person, state in rows}  # noqa: C416  rows are no pairs to mypy


def told(hall: Running) -> list[tuple[str, str]]:
    news = [(event.type.removeprefix("attendance."), event.data) for event in hall.events("attendance.")]
    return [(what, data["staff"]) for what, data in news if what in ("enrolled", "removed", "enrolment_failed")]


# ---- the whole way, with the simulated terminal


@pytest.mark.req("ENR-02")
async def test_whom_the_roster_names_is_on_the_terminal_and_whom_it_does_not_stays(tmp_path: Path) -> None:
    world = World(tmp_path, with_gate)
    async with running(world) as hall:
        await hall.up("gate-1")
        await change(hall, KNOWN, ADDED, ADDED.model_copy(update={"id": "2002", "letter": ""}))
        await hall.until(lambda: states(hall) == {"1001": "sent", "2001": "sent"}, within=60)
        assert on_terminal(world)["2001"] == "钱新人"
        assert "2002" not in on_terminal(world)
        await change(hall, ADDED.model_copy(update={"until": date(2026, 3, 1)}))
        await hall.until(lambda: states(hall)["2001"] == "gone", within=60)
        assert set(on_terminal(world)) == {"1001", "1002", "1003", "1004", "1005", "1006"}
        assert told(hall) == [("enrolled", "1001"), ("enrolled", "2001"), ("removed", "2001")]
        assert not [event for event in hall.events() if "钱新人" in str(event.data)]


@pytest.mark.req("ENR-02")
async def test_a_terminal_dead_for_two_days_is_told_when_it_is_back(tmp_path: Path) -> None:
    world = World(tmp_path, with_gate)
    async with running(world) as hall:
        await hall.up("gate-1")
        await change(hall, KNOWN)
        await hall.until(lambda: states(hall) == {"1001": "sent"}, within=60)
        await world.cut("gate-1")
        await hall.until(lambda: not hall.parts.hub.able("gate-1"))
        await change(hall, ADDED, KNOWN.model_copy(update={"until": date(2026, 3, 2)}))
        world.wall.at += 2 * DAY_S
        await asyncio.sleep(60)
        assert states(hall) == {"1001": "waiting", "2001": "waiting"}
        assert {"1001"} == {"1001", "2001"} & set(on_terminal(world))
        world.cut_off.clear()
        await hall.until(lambda: states(hall) == {"1001": "gone", "2001": "sent"}, within=120)
        assert {"2001"} == {"1001", "2001"} & set(on_terminal(world))


async def test_ops_sees_whom_the_terminal_knows_and_it_is_asked_once_a_day(tmp_path: Path) -> None:
    world = World(tmp_path, with_gate)

    def shown(hall: Running) -> Any:
        with hall.parts.database.read() as connection:
            return overview(connection, hall.parts.hall, hall.parts.clock.now(), ("gate-1",))

    async with running(world) as hall:
        await change(hall, KNOWN)
        await hall.until(lambda: shown(hall)["terminals"][0]["strangers"]["count"] == 5, within=60)
        (place,) = shown(hall)["staff"][0]["terminals"]
        assert (place["words"], place["modes"]["card"], place["modes"]["face"]) == ("已下发", True, False)
        await world.simulator("gate-1").drop()
        memory = world.simulator("gate-1").memory
        memory.users = {uid: each for uid, each in memory.users.items() if each.number != "1001"}
        await hall.until(lambda: "1001" in on_terminal(world), within=120)
        del memory.users[max(memory.users)]
        await asyncio.sleep(1800)
        assert "1001" not in on_terminal(world)
        world.wall.at += DAY_S
        await hall.until(lambda: "1001" in on_terminal(world), within=120)


def test_terminals_are_known_by_their_driver(tmp_path: Path) -> None:
    def several(text: str) -> str:
        calls = '[[device]]\nid = "gate-2"\nname = "门"\ndriver = "adms"\nlink = "inbound:"\n'
        return text + GATE + calls + calls.replace("gate-2", "gate-3").replace("adms", "no_such_driver")

    assert terminals(World(tmp_path, several).hall) == ("gate-1", "gate-2")


# ---- a terminal in trouble


class Door:
    """A terminal that does what `moods` says first, one for each thing that it is asked."""

    def __init__(self, *moods: Callable[[], None]) -> None:
        self.moods, self.asked = list(moods), list[str]()

    def _take(self, what: str) -> None:
        self.asked.append(what)
        if self.moods:
            self.moods.pop(0)()

    async def set_clock(self, local: datetime) -> None:
        raise AssertionError

    async def people(self) -> list[Enrolled]:
        self._take("people")
        modes: tuple[Mode, ...] = ("face", "unknown")
        return [Enrolled("2001", modes=modes)]

    async def write_person(self, person: Enrolled) -> None:
        self._take(f"write {person.person} {person.name}")
        await asyncio.sleep(0)

    async def remove_person(self, person: str) -> None:
        self._take(f"remove {person}")


def raising(error: DeviceError) -> Callable[[], None]:
    def mood() -> None:
        raise error

    return mood


def killed() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()


class Desk:
    """Enrolling, in a hall whose one terminal is played by a `Door`."""

    def __init__(self, hall: Running) -> None:
        self.hall = hall
        (self.config,) = hall.parts.hall.devices
        self.enrolling = self.started()

    def started(self) -> Enrolling:
        return Enrolling(self.hall.parts.database, self.hall.parts.writer, self.hall.parts.clock)

    async def next(self, door: Terminal) -> bool:
        return await asyncio.create_task(self.enrolling.next(self.config, door))


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path, with_gate)
    world.cut_off.add("gate-1")
    return world


async def planned(hall: Running) -> Desk:
    await change(hall, ADDED)
    await hall.until(lambda: states(hall))
    return Desk(hall)


async def test_killed_between_the_terminal_and_the_mark_it_is_told_again(world: World) -> None:
    door = Door(killed)
    async with running(world) as hall:
        desk = await planned(hall)
        with pytest.raises(asyncio.CancelledError):
            await desk.next(door)
        assert (states(hall), told(hall)) == ({"2001": "waiting"}, [])
    async with running(world) as hall:
        desk = Desk(hall)
        assert await desk.next(door)
        assert door.asked == ["write 2001 钱新人"] * 2
        assert (states(hall), told(hall)) == ({"2001": "sent"}, [("enrolled", "2001")])


@pytest.mark.parametrize(
    ("error", "state", "why"),
    [
        (Unreachable("gone"), "waiting", "unreachable"),
        (ProtocolError("what?"), "waiting", "misunderstood"),
        (Rejected("busy"), "waiting", "busy"),
        (Rejected("full"), "failed", "full"),
    ],
)
async def test_what_goes_wrong_is_noted_and_raised(world: World, error: DeviceError, state: str, why: str) -> None:
    async with running(world) as hall:
        desk, door = await planned(hall), Door(raising(error))
        with pytest.raises(type(error)):
            await desk.next(door)
        with hall.parts.database.read() as connection:
            row = connection.exec_driver_sql("SELECT state, why, tries FROM enrolment").one()
        assert tuple(row) == (state, why, 1)
        assert [what for what, _ in told(hall)] == (["enrolment_failed"] if state == "failed" else [])
        if state == "waiting":
            assert await desk.next(door)
            assert states(hall) == {"2001": "sent"}


async def test_after_the_transfers_it_is_asked_once_a_connection_and_day(world: World) -> None:
    async with running(world) as hall:
        desk, door, again = await planned(hall), Door(), Door()
        assert [await desk.next(door) for _ in range(4)] == [True, True, False, False]
        assert door.asked == ["write 2001 钱新人", "people"]
        assert [await desk.next(again) for _ in range(2)] == [True, False]
        world.wall.at += DAY_S
        assert [await desk.next(again) for _ in range(2)] == [True, False]
        assert again.asked == ["people"] * 2
        with hall.parts.database.read() as connection:
            assert tuple(connection.exec_driver_sql("SELECT face, card FROM enrolment").one()) == (1, 0)


@pytest.mark.parametrize("error", [Rejected("not_supported"), Unreachable("no result")])
async def test_one_that_cannot_say_whom_it_knows_is_left_alone_for_the_day(world: World, error: DeviceError) -> None:
    async with running(world) as hall:
        desk = Desk(hall)
        with pytest.raises(type(error)):
            await desk.next(Door(raising(error)))
        assert not await desk.next(Door())
        world.wall.at += DAY_S
        assert await desk.next(Door())


async def test_a_person_is_planned_when_the_roster_changes_and_all_on_a_new_day(world: World) -> None:
    tomorrow = ADDED.model_copy(update={"id": "2002", "since": date(2026, 3, 3)})
    async with running(world) as hall:
        await change(hall, ADDED, tomorrow)
        await hall.until(lambda: states(hall) == {"2001": "waiting"})
        transfer = enrolments.Transfer("gate-1", "2001", "", True, 0)
        assert not await hall.parts.writer.do(enrolments.done, transfer), "of another revision"
        await asyncio.sleep(5)
        assert states(hall) == {"2001": "waiting"}
        world.wall.at += DAY_S
        await hall.until(lambda: states(hall) == {"2001": "waiting", "2002": "waiting"})


def test_a_door_is_a_terminal_and_no_device() -> None:
    assert isinstance(Door(), Terminal)
    assert not isinstance(Door(), Device)
