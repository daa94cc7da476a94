"""Text messages through the whole service: what the modem is given, what it never gets, and that it delays nobody."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.base import Condition, Delivered
from edge.clock import Clock
from edge.database import Database, Session
from edge.devices.messaging import Messaging
from edge.journal import open_epoch
from edge.queue import balance, issuing, persons
from edge.queue import desk as queue
from edge.schema import TABLES
from tests.hall import DAY_S, Running, World, running
from tests.messages.air import Air, modem, with_modem
from tests.messages.halls import MODEM, OTHER, PHONE

pytestmark = pytest.mark.looptime

Visit = Callable[[World, Running, Air], Awaitable[None]]


def in_the_hall(visit: Visit) -> Callable[[Path], Awaitable[None]]:
    async def test(tmp_path: Path) -> None:
        world = World(tmp_path, with_modem())
        with modem(world) as air:
            async with running(world) as hall:
                await hall.up(MODEM)
                await visit(world, hall, air)

    test.__doc__ = visit.__doc__
    return test


async def opt_in(hall: Running, ticket: dict[str, Any], phone: str = PHONE) -> Any:
    return await hall.post(f"/tickets/{ticket['id']}/sms", phone=phone)


async def state(hall: Running, nth: int = 0) -> str:
    with hall.parts.database.read() as connection:
        rows = connection.exec_driver_sql("SELECT state FROM message ORDER BY wanted_at, id").all()
    return str(rows[nth][0])


def told(hall: Running) -> list[str]:
    return [event.type.removeprefix("message.") for event in hall.events("message.")]


# ---- the way of a message


@pytest.mark.req("NOTI-01")
@in_the_hall
async def test_a_visitor_is_told_the_place_the_turn_and_the_window(world: World, hall: Running, air: Air) -> None:
    """Each message goes out once, and what the network says of it is in the journal and before ops."""
    before = [await hall.issue() for _ in range(4)]
    mine = await hall.issue()
    assert await opt_in(hall, mine) == {"ticket": mine["id"], "sms": True, "phone": "138****5678"}
    await hall.until(lambda: "sent" in told(hall))
    for ticket in before:
        await hall.post("/windows/3/call-next")
        await hall.post("/windows/3/finish", ticket=ticket["id"])
        await asyncio.sleep(30)
    await hall.post("/windows/3/call-next")
    await hall.post("/windows/3/recall", ticket=mine["id"])
    await asyncio.sleep(30)
    assert [(each.number, each.text.partition("】")[2]) for each in air.given] == [
        (PHONE, "您的号码A005，养老保险，前面还有4人，约10到30分钟。"),
        (PHONE, "您的号码A005前面还有3人，请到一楼办事大厅等候。"),
        (PHONE, "请A005号到一楼3号社保窗口办理。"),
    ]
    for each, arrived in zip(air.given, (True, False, True), strict=True):
        air.told.put_nowait(Delivered(each.reference, arrived, f"to {PHONE}"))
    await hall.until(lambda: len(hall.events("message.")) == 10)
    assert told(hall) == ["opted_in", *["wanted", "sent"] * 3, "delivered", "failed", "delivered"]
    shown = await hall.get("/messages")
    assert (shown["device"], shown["used"], shown["quiet"]) == (MODEM, 3, False)
    assert {key: count for key, count in shown["today"].items() if count} == {"delivered": 2, "failed": 1}
    assert [(each["number"], each["words"]) for each in shown["failures"]] == [("A005", "运营商回执：没有送达")]


@in_the_hall
async def test_whatever_brings_a_visitor_near_reminds_them(world: World, hall: Running, air: Air) -> None:
    """Others give up, a missed one comes back, one is sent to another line."""
    first, *others = [await hall.issue() for _ in range(5)]
    last = others[-1]
    await opt_in(hall, last)
    await hall.until(lambda: len(air.given) == 1)
    await hall.post(f"/tickets/{others[0]['id']}/cancel")
    await hall.until(lambda: len(air.given) == 2)
    await hall.post("/windows/3/call-next")
    await hall.post("/windows/3/miss", ticket=first["id"])
    await opt_in(hall, first, OTHER)
    await hall.post(f"/tickets/{first['id']}/return")
    await hall.until(lambda: len(air.given) == 3)
    await hall.post(f"/tickets/{others[1]['id']}/cancel")
    moved = await hall.issue("medical")
    await hall.post("/windows/3/call", ticket=moved["id"])
    await opt_in(hall, moved, "13700000000")
    await hall.until(lambda: len(air.given) == 4)
    await hall.post("/windows/3/transfer", ticket=moved["id"], service="household")
    await hall.until(lambda: len(air.given) == 5)
    assert [each.text.partition("】")[2] for each in air.given][1:] == [
        "您的号码A005前面还有3人，请到一楼办事大厅等候。",
        "您的号码A001前面还有0人，请到一楼办事大厅等候。",
        "请C001号到一楼3号社保窗口办理。",
        "您的号码C001前面还有0人，请到一楼办事大厅等候。",
    ]


@in_the_hall
async def test_a_priority_that_is_shown_later_reminds_its_visitor(world: World, hall: Running, air: Air) -> None:
    for _ in range(5):
        await hall.issue()
    wanted, person = issuing.Issue("pension", "desk", None, "desk"), persons.Person("a mark")
    mine = await hall.parts.writer.do(issuing.issue_to, issuing.IssueTo(wanted, person))
    await opt_in(hall, {"id": mine.ticket})
    await hall.until(lambda: len(air.given) == 1)
    entitled = replace(wanted, claims=(balance.Claim("military", "declared"),))
    await hall.parts.writer.do(issuing.issue_to, issuing.IssueTo(entitled, person))
    await hall.until(lambda: len(air.given) == 2)
    assert "您的号码A006前面还有0人" in air.given[1].text


async def test_only_the_modem_of_the_hall_file_sends(tmp_path: Path) -> None:
    world = World(tmp_path, with_modem())
    with modem(world) as air:
        async with running(world) as hall:
            air.away = True
            await opt_in(hall, await hall.issue())
            messaging = Messaging(hall.parts.hall, hall.parts.writer, hall.parts.vault, hall.parts.forecasts)
            (config,) = world.hall.devices
            other = config.model_copy(update={"id": "modem-2"})
            assert await messaging.send_next(other, air) is False
            assert await messaging.send_next(config, air) is True
            assert len(air.given) == 1


@pytest.mark.req("NOTI-01")
async def test_the_demos_modem_brings_it_to_the_telephone(tmp_path: Path) -> None:
    """The real driver, the simulated modem, and the network's report."""
    world = World(tmp_path)
    async with running(world) as hall:
        await hall.up("sms-1")
        await opt_in(hall, await hall.issue())
        await hall.until(lambda: "delivered" in told(hall))
        (message,) = world.simulator("sms-1").state()["messages"]
        assert (message["number"], message["state"]) == (f"+86{PHONE}", "delivered")
        assert message["text"] == "【示范区政务服务中心】您的号码A001，养老保险，前面还有0人，马上就到。"


@in_the_hall
async def test_a_report_that_is_quicker_than_the_modems_answer_is_kept(world: World, hall: Running, air: Air) -> None:
    air.moods.append("early")
    await opt_in(hall, await hall.issue())
    await hall.until(lambda: "delivered" in told(hall))
    assert told(hall) == ["opted_in", "wanted", "sent", "delivered"]
    air.told.put_nowait(Delivered("ref-1", False))
    air.told.put_nowait(Delivered("ref-of-another", False))
    await asyncio.sleep(1)
    assert told(hall)[-1] == "delivered"


@in_the_hall
async def test_a_number_can_be_replaced_and_taken_back(world: World, hall: Running, air: Air) -> None:
    ticket = await hall.issue()
    await opt_in(hall, ticket)
    await hall.until(lambda: len(air.given) == 1)
    await opt_in(hall, ticket, OTHER)
    await hall.until(lambda: len(air.given) == 2)
    assert [each.number for each in air.given] == [PHONE, OTHER]
    for _ in range(2):
        answer = await hall.api.delete(f"/api/v1/tickets/{ticket['id']}/sms")
        assert (answer.status_code, answer.json()) == (200, {"ticket": ticket["id"], "sms": False})
    await hall.post("/windows/3/call-next")
    await asyncio.sleep(10)
    assert len(air.given) == 2


@in_the_hall
async def test_what_cannot_be_done_is_said_in_words(world: World, hall: Running, air: Air) -> None:
    ticket = await hall.issue()
    for phone, code, title in (
        ("1381234567", 422, "手机号是11位数字，请再输一次"),
        ("08713161234", 422, "这不是手机号，手机号以13到19开头"),
    ):
        answer = await hall.api.post(f"/api/v1/tickets/{ticket['id']}/sms", json={"phone": phone})
        assert (answer.status_code, answer.json()["title"], phone in answer.text) == (code, title, False)
    assert (await hall.api.post(f"/api/v1/tickets/{ticket['id']}/sms", json={})).status_code == 422
    assert (await hall.api.post("/api/v1/tickets/x/sms", json={"phone": PHONE})).status_code == 404
    assert (await hall.api.delete("/api/v1/tickets/x/sms")).status_code == 404
    await hall.post(f"/tickets/{ticket['id']}/cancel")
    answer = await hall.api.post(f"/api/v1/tickets/{ticket['id']}/sms", json={"phone": PHONE})
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/ticket_over")


# ---- a modem in trouble


@in_the_hall
async def test_a_refusal_ends_one_message_and_the_next_goes_out(world: World, hall: Running, air: Air) -> None:
    air.moods.append("refused")
    await opt_in(hall, await hall.issue())
    await opt_in(hall, await hall.issue(), OTHER)
    await hall.until(lambda: "sent" in told(hall))
    assert [event.data["why"] for event in hall.events("message.failed")] == ["barred"]
    await asyncio.sleep(60)
    assert len(air.given) == 2
    (shown,) = (await hall.get("/devices"))["devices"]
    assert (shown["state"], shown["counters"]["rejected"]) == ("up", 1)


@pytest.mark.parametrize("mood", ["lost", "garbled"])
async def test_what_may_have_gone_out_is_not_sent_again(tmp_path: Path, mood: str) -> None:
    """The modem is connected anew, and the next message goes out."""
    world = World(tmp_path, with_modem())
    with modem(world) as air:
        async with running(world) as hall:
            await hall.up(MODEM)
            air.moods.append(mood)
            await opt_in(hall, await hall.issue())
            await hall.until(lambda: hall.events("device.down"))
            assert [event.data["why"] for event in hall.events("message.unknown")] == ["cut_off"]
            await opt_in(hall, await hall.issue(), OTHER)
            await hall.until(lambda: "sent" in told(hall))
            await asyncio.sleep(60)
            assert [each.number for each in air.given] == [PHONE, OTHER]


@pytest.mark.req("QUE-19")
@in_the_hall
async def test_a_modem_that_is_gone_delays_nobody_and_repeats_nothing(world: World, hall: Running, air: Air) -> None:
    """What waited longer than its time is not sent when the modem is back; what is still true is."""
    air.cut()
    await hall.until(lambda: not hall.parts.hub.able(MODEM))
    loop = asyncio.get_running_loop()
    start = loop.time()
    first, second = await hall.issue(), await hall.issue()
    await opt_in(hall, first)
    await opt_in(hall, second, OTHER)
    await hall.post("/windows/3/call-next")
    assert loop.time() == start
    await asyncio.sleep(540)
    air.away = False
    await hall.until(lambda: air.given, within=60)
    await asyncio.sleep(600)
    assert [(each.number, "前面还有" in each.text) for each in air.given] == [(OTHER, True)]
    ends = {(event.data["kind"], event.data["number"]): event.type for event in hall.events("message.")[-5:]}
    assert ends["come", "A001"] == "message.expired"


@in_the_hall
async def test_without_a_sim_messages_wait_in_their_time(world: World, hall: Running, air: Air) -> None:
    for name in ("no_sim", "sim_pin", "no_network"):
        air.told.put_nowait(Condition(name, True))
        await asyncio.sleep(0.1)
        before = len(air.given)
        await opt_in(hall, await hall.issue())
        await asyncio.sleep(30)
        assert len(air.given) == before
        (shown,) = (await hall.get("/devices"))["devices"]
        assert (shown["severity"], shown["why"] != name, bool(shown["advice"])) == ("bad", True, True)
        air.told.put_nowait(Condition(name, False))
        await hall.until(lambda before=before: len(air.given) == before + 1)  # type: ignore[misc]
    air.told.put_nowait(Condition("weak_signal", True))
    await opt_in(hall, await hall.issue())
    await hall.until(lambda: len(air.given) == 4)


@in_the_hall
async def test_a_modem_that_falls_silent_in_mid_message(world: World, hall: Running, air: Air) -> None:
    air.moods.append("hangs")
    await opt_in(hall, await hall.issue())
    await hall.until(lambda: air.given)
    assert await state(hall) == "sending"
    air.cut()
    await asyncio.sleep(310)
    assert await state(hall) == "unknown", "the modem does not come back, and the row does not wait for it"


# ---- crashes


async def test_a_crash_in_mid_message_leaves_it_unknown(tmp_path: Path) -> None:
    world = World(tmp_path, with_modem())
    with modem(world) as air:
        async with running(world) as hall:
            await hall.up(MODEM)
            air.moods.append("hangs")
            await opt_in(hall, await hall.issue())
            await hall.until(lambda: air.given)
        async with running(world) as hall:
            await hall.until(lambda: hall.events("message.unknown"))
            await asyncio.sleep(60)
            assert len(air.given) == 1
            await hall.post("/windows/3/call-next")
            await hall.until(lambda: len(air.given) == 2)


async def test_what_was_only_wanted_goes_out_after_a_restart(tmp_path: Path) -> None:
    world = World(tmp_path, with_modem())
    with modem(world) as air:
        air.away = True
        async with running(world) as hall:
            await opt_in(hall, await hall.issue())
        air.away = False
        async with running(world) as hall:
            await hall.until(lambda: "sent" in told(hall))
            assert len(air.given) == 1


async def test_a_call_that_nobody_reacted_to_is_told_after_the_restart(tmp_path: Path) -> None:
    """Longer ago than the journal is looked through again, and still true. Fails when only events are reacted to."""
    world = World(tmp_path, with_modem())
    with modem(world) as air:
        async with running(world) as hall:
            await hall.up(MODEM)
            await opt_in(hall, await hall.issue())
            await hall.until(lambda: "sent" in told(hall))
        called_in_its_last_moment(world, 3)
        world.wall.at += 150
        async with running(world) as hall:
            await hall.until(lambda: len(air.given) == 2, within=10)
            assert "请A001号到一楼3号社保窗口" in air.given[1].text


def called_in_its_last_moment(world: World, window: int) -> None:
    database = Database(world.folder / "hall.sqlite", TABLES)
    epoch = open_epoch(database, "")
    with database.writing.begin() as connection:
        now = Clock(world.hall.zone_info, world.wall).now()
        queue.call_next(Session(connection, world.ids, epoch), world.hall, now, queue.CallNext(window, "window"))
    database.close()


async def test_a_key_that_was_changed_opens_no_number(tmp_path: Path) -> None:
    world = World(tmp_path, with_modem())
    with modem(world) as air:
        air.away = True
        async with running(world) as hall:
            await opt_in(hall, await hall.issue())
        air.away = False
        (tmp_path / "private.key").write_bytes(b"x" * 32)
        async with running(world) as hall:
            await hall.until(lambda: hall.events("message.failed"))
            assert [event.data["why"] for event in hall.events("message.failed")] == ["unreadable"]
            assert not air.given


STEPS = ["issue", "issue", "call", "finish", "miss", "return", "cancel", "other number", "opt out", "restart", "cut"]
STEPS += ["back", "wait", "wait long", "lost", "refused", "hangs", "early"]


@settings(max_examples=5, deadline=None)
@given(st.lists(st.sampled_from(STEPS), min_size=4, max_size=18))
async def test_in_any_order_nobody_is_told_twice_and_nobody_late(steps: list[str]) -> None:
    """Issues, numbers, calls, crashes and a modem that comes and goes, in any order."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), with_modem(ahead="[1, 2]"))
        left, tickets = list(steps), list[str]()
        with modem(world) as air:
            while left:
                async with running(world) as hall:
                    await play(hall, air, left, tickets)
            air.away = False
            async with running(world) as hall:
                await asyncio.sleep(610)
                check(hall, air)


async def play(hall: Running, air: Air, steps: list[str], tickets: list[str]) -> None:
    """Until the service is to be started anew."""
    while steps and (step := steps.pop(0)) != "restart":
        if step == "issue":
            tickets.append((await hall.issue())["id"])
            await ask(hall, "POST", f"/tickets/{tickets[-1]}/sms", phone=PHONE)
        elif step in ("cut", "back"):
            air.away = step == "cut"
            if air.away:
                air.cut()
        elif step.startswith("wait"):
            await asyncio.sleep(20 if step == "wait" else 200)
        elif step in ("lost", "refused", "hangs", "early"):
            air.moods.append(step)
        elif step == "call":
            await ask(hall, "POST", "/windows/3/call-next")
        elif tickets:
            await move(hall, step, tickets[len(steps) % len(tickets)])
        await asyncio.sleep(0.1)


async def move(hall: Running, step: str, ticket: str) -> None:
    if step in ("finish", "miss"):
        await ask(hall, "POST", f"/windows/3/{step}", ticket=ticket)
    elif step == "other number":
        await ask(hall, "POST", f"/tickets/{ticket}/sms", phone=OTHER)
    elif step == "opt out":
        await ask(hall, "DELETE", f"/tickets/{ticket}/sms")
    else:
        await ask(hall, "POST", f"/tickets/{ticket}/{step}")


async def ask(hall: Running, method: str, path: str, **body: Any) -> None:
    answer = await hall.api.request(method, f"/api/v1{path}", json=body or None)
    assert answer.status_code in (200, 204, 404, 409), answer.text


def check(hall: Running, air: Air) -> None:
    calls = [(event.data["number"], event.at / 1000) for event in hall.events("ticket.called")]
    wanted = [(e.data["number"], e.data["kind"], e.at / 1000) for e in hall.events("message.wanted")]
    times = Counter[tuple[str, str, str]]()
    for number, text, at, _ in air.given:
        ticket = next(each for each, _, _ in wanted if each in text)
        kind = "come" if "办理" in text else "issued" if f"{ticket}，" in text else "soon"
        since = [when for each, when in calls if each == ticket and when <= at] if kind == "come" else []
        since += [when for each, what, when in wanted if (each, what) == (ticket, kind) and when <= at]
        assert at < max(since) + {"issued": 600, "soon": 300, "come": 180}[kind]
        times[number, ticket, kind] += 1
    for (_, ticket, kind), count in times.items():
        most = {"issued": 1, "soon": 2, "come": [each for each, _ in calls].count(ticket)}[kind]
        assert count <= most, (ticket, kind)
    with hall.parts.database.read() as connection:
        open_ = connection.exec_driver_sql("SELECT 1 FROM message WHERE state IN ('wanted', 'sending')").all()
    assert not open_


# ---- private


@pytest.mark.req("SEC-04")
async def test_a_number_is_nowhere_but_on_its_way(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """In trouble too: not in the database, its log or the program's, not at the centre, not in an answer."""
    caplog.set_level(logging.DEBUG)
    world, answers = World(tmp_path, with_modem()), list[str]()
    with modem(world) as air:
        async with running(world) as hall:
            await hall.up(MODEM)
            tickets = [await hall.issue() for _ in range(5)]
            air.moods.extend(["sent", "refused", "lost", "garbled", "hangs"])
            for nth, ticket in enumerate(tickets):
                headers = {"Idempotency-Key": f"key-{nth}"}
                body = {"phone": OTHER if nth else PHONE}
                answer = await hall.api.post(f"/api/v1/tickets/{ticket['id']}/sms", json=body, headers=headers)
                answers.append(answer.text)
            await hall.post("/windows/3/call-next")
            await hall.until(lambda: len(air.given) >= 5, within=120)
            air.told.put_nowait(Delivered("ref-1", False, f"to +86{PHONE}"))
            answers += [(await hall.api.get(f"/api/v1{path}")).text for path in ("/messages", "/devices", "/outbox")]
            await hall.until(lambda: world.centre.central.received == hall.parts.journal.last, within=60)
            assert {PHONE, OTHER} == {each.number for each in air.given}
            files = contents(tmp_path)
            sealed = sealed_numbers(hall)
    assert {"hall.sqlite", "hall.sqlite-wal", "central.jsonl"} <= set(files)
    everything = b"".join(files.values()) + caplog.text.encode() + "".join(answers).encode()
    for number in (PHONE, OTHER):
        assert number.encode() not in everything
        assert number[3:7] not in "".join(answers)
        assert number.encode().hex().encode() not in everything
    assert len(sealed) == 5
    assert all(each in files["hall.sqlite"] + files["hall.sqlite-wal"] for each in sealed)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def sealed_numbers(hall: Running) -> list[bytes]:
    with hall.parts.database.read() as connection:
        return [row[0] for row in connection.exec_driver_sql("SELECT sealed FROM contact")]


@pytest.mark.req("SEC-04")
async def test_numbers_go_with_the_day_once_the_centre_has_its_events(tmp_path: Path) -> None:
    """Not a byte of what was sealed is left in the file. Fails when forgetting waits for nothing, or never comes."""
    world = World(tmp_path, with_modem())
    with modem(world):
        async with running(world) as hall:
            await hall.up(MODEM)
            await opt_in(hall, await hall.issue())
            await hall.until(lambda: "sent" in told(hall))
            (sealed,) = sealed_numbers(hall)
            world.centre.away = True
            await opt_in(hall, await hall.issue(), OTHER)
            world.wall.at += DAY_S
            await hall.until(lambda: len(sealed_numbers(hall)) == 1)
            await asyncio.sleep(60)
            assert len(sealed_numbers(hall)) == 1, "the centre has not heard of it yet"
            world.centre.away = False
            await hall.until(lambda: not sealed_numbers(hall), within=120)
            with hall.parts.database.read() as connection:
                assert connection.exec_driver_sql("SELECT count(*) FROM message WHERE mark IS NOT NULL").scalar() == 0
    assert sealed not in b"".join(contents(tmp_path).values())


async def test_without_a_centre_the_day_ends_it(tmp_path: Path) -> None:
    def alone(text: str) -> str:
        return with_modem()(text.replace('url = "http://127.0.0.1:{port+2}/events"', ""))

    world = World(tmp_path, alone)
    with modem(world):
        async with running(world) as hall:
            await opt_in(hall, await hall.issue())
            assert len(sealed_numbers(hall)) == 1
            world.wall.at += DAY_S
            await hall.until(lambda: not sealed_numbers(hall))
