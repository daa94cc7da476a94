"""Skills that change during the day, over HTTP: every reader goes by them, through restarts and over midnight."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.clock import Now
from edge.database import Session, Writer
from edge.hall import Hall
from edge.queue import assigning, desk, issuing
from edge.refusal import Refused
from edge.windows import skills
from edge.windows.skills import Change, effective
from tests.books import Books
from tests.hall import DAY_S, Inline, Running, World, demo_hall, running, without_devices

SERVICES = ("pension", "medical", "household", "residence", "transfer", "mortgage")
EXTRA: dict[str, Any] = {"no": 9, "name": "临时窗口", "zone": "f1", "skills": ["household"], "reason": "户口排队"}


async def of_window(hall: Running, no: int) -> Any:
    return next(each for each in (await hall.get("/windows"))["windows"] if each["no"] == no)


async def places(hall: Running, ticket: str) -> list[int]:
    return [each["no"] for each in (await hall.get(f"/tickets/{ticket}"))["windows"]]


@pytest.mark.looptime
async def test_every_reader_goes_by_what_a_window_serves_now(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        ticket = (await hall.issue("household"))["id"]
        changed = await hall.post("/windows/3/skills", skills=["household", "medical"], reason="户口排队")
        assert changed["changed"] == {"until": "2026-03-02", "skills_in_file": ["pension", "medical"]}
        assert (changed["skills"], changed["waiting"]) == (["household", "medical"], 1)
        assert changed == await of_window(hall, 3)
        assert await places(hall, ticket) == [1, 3]
        console = await hall.get("/windows/3")
        assert [each["id"] for each in console["next"]] == [ticket]
        menu = (await hall.get("/services"))["units"]
        able = {each["id"]: each["windows"] for unit in menu for each in unit["services"]}
        assert (able["household"], able["pension"]) == ([1, 3], [1])
        assert (await hall.post("/windows/3/call-next"))["ticket"]["id"] == ticket
        back = await hall.api.delete("/api/v1/windows/3/skills")
        assert (back.status_code, back.json()["changed"]) == (200, None)
        assert (await hall.post("/windows/3/finish", ticket=ticket))["ticket"]["state"] == "finished"


@pytest.mark.looptime
async def test_a_window_that_waits_is_asked_in_the_same_answer(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        await hall.post("/windows/2/call-next", 204)
        ticket = await hall.issue("pension")
        shown = await hall.post("/windows/2/skills", skills=["pension", "transfer"], until=None, reason="排队")
        assert (shown["ticket"]["id"], shown["armed"]) == (ticket["id"], False)


@pytest.mark.looptime
async def test_what_cannot_be_is_refused_with_what_to_do(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        await hall.issue("household")
        told = await hall.post("/windows/1/skills", 409, skills=["pension"], reason="x")
        assert told["title"] == "户口登记还有1人等候，没有别的窗口办理户口登记，请先给别的窗口加上户口登记"
        wrong: list[dict[str, Any]] = [
            *({"skills": []}, {"skills": ["pension", "pension"]}, {"skills": ["pension"], "until": "2026-03-03"}),
            *({"skills": ["pension"], "reason": ""}, {"skills": ["pension"], "kind": "green"}),
        ]
        for body in wrong:
            assert (await hall.post("/windows/3/skills", 422, **{"reason": "x"} | body))["title"] == "请求内容不对"
        assert (await hall.post("/windows", 409, **EXTRA | {"no": 3}))["title"] == "已有3号窗口，请换一个窗口号"
        assert (await hall.post("/windows", 404, **EXTRA | {"zone": "f7"}))["title"] == "没有这个区域"


@pytest.mark.looptime
async def test_an_extra_window_has_what_every_window_has(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with running(world) as hall:
        await hall.up("voice-1")
        ticket = await hall.issue("household")
        added = await hall.post("/windows", 201, **EXTRA)
        assert (added["extra"], added["floor"], added["state"]) == (True, "一楼", "open")
        assert "9 号" in (await hall.api.get("/window/9")).text
        await hall.post("/windows/9/sign-in", staff="1001")
        called = await hall.post("/windows/9/call-next")
        assert called["ticket"]["id"] == ticket["id"]
        (shown,) = (await hall.get("/board?zone=f1"))["calls"]
        assert (shown["window"], shown["text"]) == (9, "请F001号到一楼9号临时窗口")
        said = world.simulator("voice-1")
        await hall.until(lambda: said.heard)
        await hall.post("/windows/9/hold", ticket=ticket["id"])
        await hall.post("/windows/9/close", 204)
        (held,) = (await hall.get("/windows/1"))["held"]
        assert (held["number"], held["window"]) == ("F001", None)
        assert "F001 户口登记 在别的窗口挂起" in (await hall.api.get("/window/1/now")).text
        assert (await hall.api.get("/window/9")).status_code == 404
        assert [each["no"] for each in (await hall.get("/windows"))["windows"]] == [1, 2, 3]
        assert (await hall.api.get("/api/v1/windows/9")).status_code == 404


@pytest.mark.looptime
async def test_changes_outlive_a_restart_and_end_with_their_day(tmp_path: Path) -> None:
    world = World(tmp_path, without_devices)
    async with running(world) as hall:
        await hall.post("/windows", 201, **EXTRA)
        await hall.post("/windows/2/skills", skills=["transfer", "mortgage", "medical"], until=None, reason="x")
        await hall.post("/windows/3/skills", skills=["medical", "pension", "residence"], reason="x")
    async with running(world) as hall:
        assert (await of_window(hall, 9))["skills"] == ["household"]
        assert (await of_window(hall, 3))["skills"] == ["medical", "pension", "residence"]
        world.wall.at += DAY_S
        await asyncio.sleep(5)
        assert (await of_window(hall, 3))["changed"] is None
        assert (await of_window(hall, 2))["changed"]["until"] is None
        assert [each["no"] for each in (await hall.get("/windows"))["windows"]] == [1, 2, 3]
        await hall.until(lambda: {"window.removed"} <= {each["type"].split("hall.")[-1] for each in world.centre.tried})
    world.wall.at += DAY_S
    async with running(world) as hall:
        assert (await of_window(hall, 2))["skills"] == ["transfer", "mortgage", "medical"]


async def test_who_shares_a_commit_with_a_change_goes_by_it(tmp_path: Path) -> None:
    """And nobody goes by one that was refused, or undone."""
    books = Books(tmp_path)
    writer = Writer(
        *(books.database, books.hall, books.clock, books.ids, Inline(), books.epoch, books.journal.publish, effective)
    )
    running_ = asyncio.create_task(writer.run())
    ticket = await writer.do(issuing.issue, issuing.Issue("household", "kiosk", None, ""))
    change = assigning.SetSkills(3, ("household", "medical"), "day", "", "")

    def fails(session: Session, hall: Hall, now: Now, _command: None) -> None:
        assigning.set_skills(session, hall, now, change)
        raise Refused("no", "")

    before, call = writer.commits, (desk.call_chosen, desk.CallChosen(3, ticket, ""))
    jobs: list[Any] = [(fails, None), call, (assigning.set_skills, change), call, call]
    found = await asyncio.gather(*(writer.do(*each) for each in jobs), return_exceptions=True)
    assert writer.commits == before + 1
    assert [isinstance(each, Refused) for each in found] == [True, True, False, False, True]
    assert writer.hall.window[3].skills == ("household", "medical")
    running_.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running_
    books.database.close()


# ---- changes and files


def test_while_nothing_is_changed_it_is_the_hall_itself(tmp_path: Path) -> None:
    books = Books(tmp_path)
    with books.database.read() as connection:
        assert skills.effective(connection, books.hall) is books.hall
    books.do(assigning.set_skills, assigning.SetSkills(3, ("medical", "pension"), None, "", ""))
    with books.database.read() as connection:
        once = skills.effective(connection, books.hall)
        assert skills.effective(connection, once) is once
    assert (once.window[3].skills, books.hall.window[3].skills) == (("medical", "pension"), ("pension", "medical"))
    books.do(assigning.restore, assigning.Restore(3, "", ""))
    with books.database.read() as connection:
        assert skills.effective(connection, once).window == books.hall.window
    books.database.close()


def config(no: int, zone: str, extra: bool, chosen: list[str]) -> Change:
    fields = {"no": no, "name": "临时", "zone": zone} if extra else {}
    return Change(no, fields | {"skills": chosen, "green": True}, None)


CHANGES = st.builds(
    config,
    st.sampled_from([1, 2, 3, 8, 9]),
    st.sampled_from(["f1", "gone"]),
    st.booleans(),
    st.lists(st.sampled_from([*SERVICES, "gone"]), min_size=1, max_size=3, unique=True),
)


@given(changes=st.lists(CHANGES, max_size=5, unique_by=lambda each: each.window))
def test_changes_made_for_another_hall_file_leave_no_service_without_a_window(
    hall: Hall, changes: list[Change]
) -> None:
    found = {each.no: each for each in skills.covering(hall, skills.windows(hall, changes))}
    assert skills.unserved(hall, found.values()) == []
    for no, each in found.items():
        there, extra = hall.window.get(no), [change for change in changes if change.window == no]
        assert (each.name, each.zone) == ((there.name, there.zone) if there else ("临时", "f1"))
        assert {*each.skills} <= {*hall.service}
        assert there or "no" in extra[0].config


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Hall:
    return demo_hall(tmp_path_factory.mktemp("hall"))
