"""The ledger of the equipment: what an entry must say, which may follow which, and what is due."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edge.devices import ledger
from edge.refusal import Refused
from tests.hall import Running, World, running, without_devices

pytestmark = pytest.mark.looptime
YEAR_S = 365 * 86_400
PRINTER = {"name": "热敏打印机", "category": "打印设备", "model": "T80", "keeper": "赵静"}


async def enter(hall: Running, kind: str, number: str = "SB-1", expect: int = 201, **more: Any) -> Any:
    given: dict[str, Any] = {"number": number, "kind": kind} | (PRINTER if kind == "registered" else {}) | more
    return await hall.post("/assets/entries", expect, **given)


async def item(hall: Running, number: str = "SB-1") -> dict[str, Any]:
    found = (await hall.get("/assets"))["items"]
    return dict(next(each for each in found if each["number"] == number))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, without_devices)


@pytest.mark.req("ASSET-01", "ASSET-02", "ASSET-03", "ASSET-04")
async def test_each_item_has_its_own_number_a_category_and_a_keeper(world: World) -> None:
    async with running(world) as hall:
        for left_out in ("category", "keeper"):
            await enter(hall, "registered", expect=422, **{left_out: ""})
        await enter(hall, "registered")
        assert "已经登记给热敏打印机" in (await enter(hall, "registered", expect=409))["title"]
        found = await item(hall)
        assert {name: found[name] for name in PRINTER} == PRINTER
        await enter(hall, "keeper", keeper="王芳", place="2号窗口")
        assert ((await item(hall))["keeper"], (await item(hall))["place"]) == ("王芳", "2号窗口")


@pytest.mark.req("ASSET-02")
async def test_a_stocktake_says_whether_book_and_thing_agree(world: World) -> None:
    async with running(world) as hall:
        await enter(hall, "registered")
        await enter(hall, "counted", expect=422, who="赵静")
        await enter(hall, "counted", who="赵静", reason="lost")
        assert (await item(hall))["counted"] is None
        await enter(hall, "counted", who="赵静", reason="found")
        assert (await item(hall))["counted"].startswith("2026-03-02")


@pytest.mark.req("ASSET-05")
async def test_a_loan_names_who_approved_who_borrows_and_who_checks_its_return(world: World) -> None:
    async with running(world) as hall:
        await enter(hall, "registered")
        await enter(hall, "loan", expect=422, who="陈静")
        await enter(hall, "loan", who="陈静", approved_by="周主任", due="2026-03-09")
        lent = await item(hall)
        assert (lent["state"], lent["holder"], lent["due"]) == ("on_loan", "陈静", "2026-03-09")
        await enter(hall, "loan", expect=409, who="李娜", approved_by="周主任")
        await enter(hall, "returned", expect=422, who="陈静")
        await enter(hall, "returned", who="陈静", checked_by="赵静")
        back = await item(hall)
        assert (back["state"], back["holder"], back["due"]) == ("in_use", "", "")


@pytest.mark.req("ASSET-06", "ASSET-07", "ASSET-08", "ASSET-09", "ASSET-12")
async def test_scrapping_has_one_of_four_reasons_and_its_cause(world: World) -> None:
    async with running(world) as hall:
        assert len(ledger.REASONS) == 4
        signed: dict[str, Any] = {"who": "赵静", "approved_by": "周主任"}
        for nth, reason in enumerate(ledger.REASONS):
            number = f"SB-{nth}"
            await enter(hall, "registered", number)
            await enter(hall, "scrapped", number, 422, note="摔坏", **signed)
            await enter(hall, "scrapped", number, 422, reason="old", note="摔坏", **signed)
            await enter(hall, "scrapped", number, 422, reason=reason, **signed)
            await enter(hall, "scrapped", number, reason=reason, note="查明：搬运时摔坏", **signed)
            assert (await item(hall, number))["state"] == "scrapped"
            await enter(hall, "keeper", number, 409, keeper="王芳")


@pytest.mark.req("ASSET-10", "ASSET-11")
async def test_a_year_out_of_use_is_proposed_for_sealing_and_two_confirm_the_unsealing(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with running(world) as hall:
        await hall.up("printer-1", "printer-2")
        await enter(hall, "registered", device="printer-1")
        await enter(hall, "registered", "SB-2", device="printer-2")
        await world.cut("printer-1")
        await hall.until(lambda: not hall.parts.hub.able("printer-1"))
        stopped = hall.events("device.down")[-1].at
        world.wall.at += YEAR_S - 3600
        assert (await item(hall))["idle_since"] is None
        world.wall.at += 3600
        assert (await item(hall))["idle_since"] is not None
        assert (await item(hall, "SB-2"))["idle_since"] is None
    async with running(world) as hall:  # it is away still, and has not stopped anew
        await hall.until(lambda: hall.parts.hub.health["printer-1"].state == "down")
        with hall.parts.database.read() as connection:
            idle = ledger.to_seal(connection, hall.parts.hall, hall.parts.clock.now().at)
        assert idle == {"SB-1": stopped}
        await enter(hall, "sealed", who="赵静")
        assert ((await item(hall))["state"], (await item(hall))["idle_since"]) == ("sealed", None)
        await enter(hall, "keeper", expect=409, keeper="王芳")
        await enter(hall, "unsealed", expect=422, who="赵静")
        await enter(hall, "unsealed", expect=422, who="赵静", approved_by="赵静")
        await enter(hall, "unsealed", who="赵静", approved_by="综合科 周主任")
        assert (await item(hall))["state"] == "in_use"


@pytest.mark.req("ASSET-14")
async def test_a_fault_is_reported_until_it_is_repaired(world: World) -> None:
    async with running(world) as hall:
        await enter(hall, "registered")
        await enter(hall, "fault", expect=422, who="赵静")
        await enter(hall, "fault", who="赵静", note="不切纸")
        await enter(hall, "counted", who="赵静", reason="found")
        assert (await item(hall))["faulty"]
        await enter(hall, "repair", who="维保公司", note="换了切刀")
        assert not (await item(hall))["faulty"]


async def test_one_device_is_one_item(tmp_path: Path) -> None:
    async with running(World(tmp_path)) as hall:
        await enter(hall, "registered", device="led-1")
        await enter(hall, "registered", "SB-2", 409, device="led-1")
        await enter(hall, "registered", "SB-2", 422, device="led-9")
        scrap: dict[str, Any] = {"reason": "renewed", "note": "换新", "who": "赵静", "approved_by": "周主任"}
        await enter(hall, "scrapped", **scrap)
        await enter(hall, "registered", "SB-2", device="led-1")
        await enter(hall, "corrected", "SB-9", 404, note="写错了")


async def test_the_journal_names_no_person(world: World) -> None:
    async with running(world) as hall:
        await enter(hall, "registered")
        await enter(hall, "loan", who="陈静", approved_by="周主任")
        told = [event.data for event in hall.events("device.ledger_entered")]
        assert [each["kind"] for each in told] == ["registered", "loan"]
        assert not any(name in str(told) for name in ("赵静", "陈静", "周主任"))


class Machine(RuleBasedStateMachine):
    """Any entries in any order: what is refused changes nothing, and an item is always in one known state."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[ledger.Written] = []

    def known(self) -> ledger.Item | None:
        return ledger.fold(self.written) if self.written else None

    @rule(kind=st.sampled_from([kind for kind in ledger.KINDS if kind != "registered"]))
    @precondition(lambda self: self.written)
    def enters(self, kind: ledger.Kind) -> None:
        before = self.known()
        assert before is not None
        entry = ledger.Entry("SB-1", kind, who="赵静", approved_by="周主任")
        allowed = before.state != "scrapped" and ledger.MOVES.get(kind, (before.state,))[0] == before.state
        if allowed:
            self.written.append(ledger.Written(len(self.written), len(self.written), "ops", entry))
        else:
            with pytest.raises(Refused):
                ledger._check_move(None, entry, before)  # type: ignore[arg-type]

    @rule()
    @precondition(lambda self: not self.written)
    def registers(self) -> None:
        self.written.append(ledger.Written(0, 0, "ops", ledger.Entry("SB-1", "registered", **PRINTER)))

    @invariant()
    def stands_somewhere(self) -> None:
        known = self.known()
        if known is None:
            return
        assert known.state in ledger.STATES
        assert bool(known.holder) == (known.state == "on_loan")
        assert {"name": known.name, "keeper": known.keeper} == {"name": "热敏打印机", "keeper": "赵静"}


TestEntries = Machine.TestCase
TestEntries.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
