"""How long visitors are told that they wait, over HTTP in virtual time, where it can be reckoned by hand."""

from __future__ import annotations

import asyncio
import json
import math
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from edge.notices.slips import ticket_values
from edge.queue import board
from edge.queue.outlook import Outlook, make
from tests.hall import Running, World, running

pytestmark = pytest.mark.looptime

HALL = """
[hall]
code = "small"
name = "小厅"
[access]
demo = true
[[zone]]
id = "f1"
name = "一楼"
floor = "一楼"
[[unit]]
id = "rs"
name = "人社局"
[[service]]
id = "a"
unit = "rs"
name = "甲"
prefix = "A"
mean_minutes = 10
[[service]]
id = "b"
unit = "rs"
name = "乙"
prefix = "B"
mean_minutes = 20
"""


def window(no: int, *skills: str) -> str:
    return f'[[window]]\nno = {no}\nname = "{no}号"\nzone = "f1"\nskills = {json.dumps(skills)}\n'


OTHER = window(9, "b")


def world(folder: Path, *windows: str, more: str = "") -> World:
    return World(folder, lambda _demo: more + HALL + "".join(windows))


def one_window(folder: Path) -> World:
    """It serves both."""
    return world(folder, window(1, "a", "b"))


def later(hall: Running, minutes: float) -> None:
    """The clock goes on; nothing else happens."""
    hall.world.wall.at += minutes * 60


async def learnt(hall: Running) -> Outlook:
    """The outlook once the service has looked at what happened."""
    await asyncio.sleep(61)
    return hall.parts.forecasts.fresh()


async def busy(hall: Running, no: int = 1, service: str = "a") -> Any:
    """The window has a visitor of this service from now on."""
    ticket = await hall.issue(service)
    await hall.post(f"/windows/{no}/call-next")
    return ticket


async def done(hall: Running, no: int = 1) -> None:
    (here,) = [each for each in (await hall.get("/windows"))["windows"] if each["no"] == no]
    await hall.post(f"/windows/{no}/finish", ticket=here["ticket"]["id"])


async def told(hall: Running, service: str = "a", **more: Any) -> tuple[Any, ...]:
    """(ahead, low, minutes, high, words) of a number that is taken now."""
    ticket = await hall.issue(service, **more)
    it = ticket["estimate"]
    return ticket["ahead"], it["low"], it["minutes"], it["high"], it["words"]


async def on_menu(hall: Running, service: str = "a") -> Any:
    menu = await hall.get("/services")
    return next(each["estimate"] for unit in menu["units"] for each in unit["services"] if each["id"] == service)


# ---- what is told


@pytest.mark.req("QUE-03")
async def test_those_ahead_and_who_is_at_the_window_take_the_mean(tmp_path: Path) -> None:
    """Ten minutes for the one at the window and for each ahead; with nothing learnt, -30 to +40 % and 5 minutes."""
    async with running(one_window(tmp_path)) as hall:
        assert await told(hall, "a") == (0, 0, 0, 5, "马上就到")
        await hall.post("/windows/1/call-next")
        assert await told(hall) == (0, 5, 10, 20, "约5到20分钟")
        assert await told(hall) == (1, 10, 20, 35, "约10到35分钟")
        assert await told(hall) == (2, 20, 30, 50, "约20到50分钟")
        assert (await on_menu(hall))["minutes"] == 40


async def test_before_a_number_is_taken_the_menu_says_the_same(tmp_path: Path) -> None:
    async with running(one_window(tmp_path)) as hall:
        await busy(hall)
        for _ in range(3):
            before = await on_menu(hall)
            assert (await hall.issue("a"))["estimate"] == before
        assert (await on_menu(hall, "b"))["words_en"] == "about 25 to 70 minutes"
        assert (await hall.get("/board"))["waiting"][0]["estimate"] == await on_menu(hall)


async def test_it_shrinks_while_the_visitor_at_the_window_is_served(tmp_path: Path) -> None:
    """A second at the window takes 0.6 s off what is left, and half of the mean is always left; then the call."""
    async with running(one_window(tmp_path)) as hall:
        await busy(hall)
        mine = (await hall.issue("a"))["id"]
        minutes = []
        for _ in range(5):
            later(hall, 2.5)
            minutes.append((await hall.get(f"/tickets/{mine}"))["estimate"]["minutes"])
        assert minutes == [9, 7, 6, 5, 5]
        await done(hall)
        await hall.post("/windows/1/call-next")
        assert (await hall.get(f"/tickets/{mine}"))["estimate"] is None


async def test_what_the_kiosk_said_holds_for_a_minute(tmp_path: Path) -> None:
    async with running(one_window(tmp_path)) as hall:
        await busy(hall)
        said = await hall.issue("a")
        await done(hall)
        path = f"/tickets/{said['id']}"
        later(hall, 50 / 60)
        assert (await hall.get(path))["estimate"] == said["estimate"]
        later(hall, 20 / 60)
        assert (await hall.get(path))["estimate"]["words"] == "马上就到"


async def test_two_windows_of_different_skills(tmp_path: Path) -> None:
    """1 does everything, 2 only b. Window 1 is all that a line has: whoever comes for it goes before the second b."""
    async with running(world(tmp_path, window(1, "a", "b"), window(2, "b"))) as hall:
        await busy(hall, 2, "b")
        await busy(hall, 1, "a")
        assert (await told(hall, "b"))[2] == 10, "at window 1, in ten minutes"
        assert (await told(hall, "b"))[2] == 20, "at window 2, in twenty"
        assert (await on_menu(hall, "a"))["minutes"] == 10, "before both at window 1"
        await hall.issue("a")
        assert (await on_menu(hall, "a"))["minutes"] == 20, "and the next one before the second b"


async def test_the_rule_that_decides_is_the_one_that_is_played_on(tmp_path: Path) -> None:
    """Who is called first by law is next; the ordinary one behind them waits for both."""
    async with running(world(tmp_path, window(1, "a"), OTHER)) as hall:
        await busy(hall)
        first = await hall.issue("a")
        assert first["estimate"]["minutes"] == 10
        assert (await told(hall, priority="military"))[:3] == (0, 0 + 5, 10)
        later(hall, 61 / 60)
        assert (await hall.get(f"/tickets/{first['id']}"))["estimate"]["minutes"] == 20
        assert (await told(hall, priority="senior"))[:3] == (1, 10, 20), "fifteen minutes before the ordinary one"


async def test_the_slip_and_the_screen_say_the_same(tmp_path: Path) -> None:
    async with running(one_window(tmp_path)) as hall:
        await busy(hall)
        ticket = await hall.issue("b")
        shown = await hall.get(f"/tickets/{ticket['id']}")
        assert shown["estimate"]["words"] == "约5到20分钟"
        assert ticket_values(hall.parts.hall, shown, "key", copy=False)["wait"] == "约5到20分钟"


async def test_who_is_sent_to_one_window_waits_for_that_one(tmp_path: Path) -> None:
    async with running(world(tmp_path, window(1, "a"), window(2, "a"), OTHER)) as hall:
        await busy(hall, 2)
        sent = await busy(hall, 1)
        await hall.post("/windows/1/transfer", ticket=sent["id"], window=2)
        assert (await hall.get(f"/tickets/{sent['id']}"))["estimate"]["minutes"] == 10
        assert (await on_menu(hall))["minutes"] == 0, "window 1 is free"
        await done(hall, 2)
        await hall.post("/windows/2/pause", sign="go_to", other=1)
        assert (await hall.get(f"/tickets/{sent['id']}"))["estimate"]["words"] == "要等指定的窗口，时间未定"


# ---- what it costs


async def test_five_hundred_screens_share_one_outlook_and_one_menu(tmp_path: Path) -> None:
    """Until the queue moves, or five seconds have passed."""
    async with running(one_window(tmp_path)) as hall:
        making = mock.patch("edge.queue.estimates.make", wraps=make)
        drawing = mock.patch.object(board, "menu", wraps=board.menu)
        with making as made, drawing as drawn:
            answers = [await hall.get("/services") for _ in range(500)]
            assert (made.call_count, drawn.call_count) == (1, 1)
            assert all(each == answers[0] for each in answers)
            await hall.issue("a")
            assert (await hall.get("/services"))["units"][0]["services"][0]["waiting"] == 1
            assert (made.call_count, drawn.call_count) == (2, 2), "the issue found the menu's outlook still true"
            later(hall, 6 / 60)
            await hall.get("/services")
            assert (made.call_count, drawn.call_count) == (3, 3)


async def test_in_a_rush_an_outlook_serves_the_more_the_longer_the_lines_are(tmp_path: Path) -> None:
    """Sixty numbers at the same moment; each is told of those before it, as if reckoned anew."""
    async with running(one_window(tmp_path)) as hall:
        await busy(hall)
        with mock.patch("edge.queue.estimates.make", wraps=make) as made:
            minutes = [(await told(hall))[2] for _ in range(60)]
        assert minutes == [10 * (nth + 1) for nth in range(60)]
        assert made.call_count < 20


# ---- windows that are away


async def test_a_paused_window_comes_back_when_its_sign_says(tmp_path: Path) -> None:
    async with running(one_window(tmp_path)) as hall:
        await hall.post("/windows/1/pause", sign="away", resume="09:45")
        assert await told(hall) == (0, 30, 45, 70, "约30到70分钟")
        assert (await told(hall))[2] == 55
        await hall.post("/windows/1/resume")
        assert (await on_menu(hall))["minutes"] == 20


async def test_a_pause_of_unknown_length_is_a_short_one_until_it_has_lasted(tmp_path: Path) -> None:
    """Ten minutes are usual; after twenty nobody can say."""
    async with running(one_window(tmp_path)) as hall:
        await hall.post("/windows/1/pause", sign="wait_a_moment")
        assert (await told(hall))[2] == 10
        later(hall, 6)
        assert (await on_menu(hall))["minutes"] == 14
        later(hall, 15)
        nothing = {"low": None, "high": None, "minutes": None}
        said = {"words": "窗口暂停，时间未定", "words_en": "no window is open now"}
        assert await on_menu(hall) == nothing | said
        assert (await hall.issue("a"))["estimate"] == nothing | said


async def test_with_no_window_left_nothing_is_made_up(tmp_path: Path) -> None:
    async with running(one_window(tmp_path)) as hall:
        await hall.post("/windows/1/close")
        assert await told(hall) == (0, None, None, None, "窗口暂停，时间未定")


async def test_nobody_is_told_of_an_open_window_that_nobody_is_behind(tmp_path: Path) -> None:
    """Open, idle and not calling although somebody waits: it is away, until it calls or says that it is ready."""
    async with running(world(tmp_path, window(1, "a"), window(2, "a"), OTHER)) as hall:
        await busy(hall, 1)
        await hall.issue("a")
        assert (await on_menu(hall))["minutes"] == 10, "one is called at window 2, then it is 1 or 2"
        later(hall, 21)
        assert (await on_menu(hall))["minutes"] == 15, "window 1: half of its visitor's ten, and ten for the other"
        await hall.post("/windows/2/call-next")
        assert (await on_menu(hall))["minutes"] == 5


async def test_a_clerk_who_signs_in_late_has_just_come(tmp_path: Path) -> None:
    async with running(world(tmp_path, window(1, "a"), OTHER, CLERK)) as hall:
        await hall.issue("a")
        later(hall, 21)
        assert (await on_menu(hall))["minutes"] is None, "nobody is behind the window"
        await hall.post("/windows/1/sign-in", staff="1001")
        assert (await on_menu(hall))["minutes"] == 10
        later(hall, 2)
        assert (await on_menu(hall))["minutes"] == 10
        later(hall, 19)
        assert (await on_menu(hall))["minutes"] is None, "nor is now"


CLERK = '[[staff]]\nid = "1001"\nname = "李明"\n'
HOURS = """
[timetable]
hours = [{ from = "09:30", to = "12:00" }, { from = "14:00", to = "17:00" }]
take_from = 60
"""


async def test_no_service_before_the_doors_open_and_none_over_noon(tmp_path: Path) -> None:
    """At nine, with an opening at half past: thirty minutes and ten for each ahead; the rest waits for two o'clock."""
    async with running(world(tmp_path, window(1, "a"), OTHER, more=HOURS)) as hall:
        minutes = []
        for _ in range(16):
            minutes.append((await told(hall))[2])
            later(hall, 1 / 60)
        assert minutes == [*range(30, 180, 10), 300]


@pytest.mark.req("WIN-15")
async def test_a_window_of_the_noon_roster_serves_through_the_break(tmp_path: Path) -> None:
    """Twenty are before the visitor at nine: from half past nine to noon fifteen are served, and the others then."""
    async with running(world(tmp_path, window(1, "a"), OTHER, CLERK, more=HOURS)) as hall:
        await hall.post("/windows/1/sign-in", staff="1001")
        for _ in range(20):
            await hall.issue("a")
        later(hall, 2 / 60)
        duty = {"kind": "duty", "ref": "D1", "person": "1001", "duty": "noon"}
        span = {"start": "2026-03-02T12:00:00+08:00", "end": "2026-03-02T14:00:00+08:00"}
        assert (await on_menu(hall))["minutes"] == 350, "five hours to two o'clock, and the five of the afternoon"
        person = {"id": "1001", "name": "李明", "unit": "rs", "since": "2026-01-01"}
        await hall.post("/attendance/people", people=[person | {"posts": [{"window": 1, "part": "A"}]}])
        await hall.post("/attendance/entries", entries=[duty | span])
        later(hall, 2 / 60)
        assert (await on_menu(hall))["minutes"] == 230
        later(hall, 195)
        await hall.post("/windows/1/pause", sign="away", resume="12:25")
        assert (await on_menu(hall))["minutes"] == 210, "ten to be back, then twenty"
        await hall.post("/attendance/entries/D1/withdraw", why="换班")
        later(hall, 2 / 60)
        assert (await on_menu(hall))["minutes"] == 305


async def test_after_closing_time_nobody_is_promised_a_call(tmp_path: Path) -> None:
    only = '[timetable]\nhours = [{ from = "09:00", to = "09:25" }]\nat_close = "case_in_hand"\n'
    async with running(world(tmp_path, window(1, "a"), OTHER, more=only)) as hall:
        minutes = [(await told(hall))[2:] for _ in range(4)]
        assert [each[0] for each in minutes] == [0, 10, 20, None]
        assert minutes[-1][-1] == "今天可能轮不到"


# ---- what is learnt


async def serve(hall: Running, visitors: int, minutes: float, service: str = "a") -> None:
    """So many at window 1, one after the other, each for so long; the next one waits already."""
    await hall.issue(service)
    for nth in range(visitors):
        if nth < visitors - 1:
            await hall.issue(service)
        await hall.post("/windows/1/call-next")
        later(hall, minutes)
        await done(hall)


async def test_a_service_that_takes_twice_as_long_moves_the_estimate_and_a_restart_keeps_it(tmp_path: Path) -> None:
    """Twenty visitors weigh as much as the hall file: (10 + 20) / 2 minutes."""
    hall_world = one_window(tmp_path)
    async with running(hall_world) as hall:
        await serve(hall, 20, 20)
        assert (await learnt(hall)).lines["a"].mean_s == 900
        await busy(hall)
        assert (await on_menu(hall))["minutes"] == 15
    async with running(hall_world) as hall:
        services = (await hall.get("/forecast/today"))["services"]
        assert [each["mean_minutes"] for each in services] == [15.0, 20.0]
        assert (await on_menu(hall))["minutes"] == 15


async def test_the_time_between_two_visitors_is_learnt_where_the_next_one_waited(tmp_path: Path) -> None:
    async with running(one_window(tmp_path)) as hall:
        for _ in range(20):
            await hall.issue("a")
        for _ in range(20):
            await hall.post("/windows/1/call-next")
            later(hall, 10)
            await done(hall)
            later(hall, 2)
        nineteen = pytest.approx(600 + 120 * 19 / 39, abs=0.1)
        assert (await learnt(hall)).lines["a"].mean_s == nineteen, "beside twenty of nothing in the hall file"
        later(hall, 60)
        await busy(hall)
        later(hall, 10)
        await done(hall)
        assert (await learnt(hall)).lines["a"].mean_s == nineteen, "an hour in which nobody waited is no work"


async def test_a_case_that_was_forgotten_over_the_day_counts_ten_times_the_mean(tmp_path: Path) -> None:
    async with running(one_window(tmp_path)) as hall:
        await serve(hall, 1, 8 * 60)
        assert (await learnt(hall)).lines["a"].mean_s == (20 * 600 + 6000) / 21


@pytest.mark.req("QUE-03")
async def test_the_forecast_learns_what_it_was_wrong_by_and_a_restart_keeps_it(tmp_path: Path) -> None:
    """Everyone is called five minutes later than they were told; then that is added."""
    hall_world = world(tmp_path, window(1, "a"), OTHER)
    async with running(hall_world) as hall:
        await busy(hall)
        for _ in range(45):
            assert (await told(hall))[:3] == (0, 5, 10)
            later(hall, 15)
            await done(hall)
            await hall.post("/windows/1/call-next")
        before = await learnt(hall)
        assert before.residuals == {"0": [0.0], "0 x0": [0.0], "10": [5.0] * 45, "10 x0": [5.0] * 45}
    async with running(hall_world) as hall:
        after = hall.parts.forecasts.fresh()
        assert after.residuals == before.residuals
        mean = after.lines["a"].mean_s / 60
        left = mean - 0.6 * 61 / 60
        assert mean == pytest.approx((200 + 45 * 15) / 66)
        assert (await told(hall))[:4] == (0, 15, math.ceil(left + 5), 20)


async def test_nothing_counts_twice_and_what_is_not_a_first_call_not_at_all(tmp_path: Path) -> None:
    """A number that was missed and came back waited twice; one that a supervisor urged on says nothing."""
    async with running(one_window(tmp_path)) as hall:
        await serve(hall, 3, 10)
        await learnt(hall)
        await busy(hall)
        back, urged = await hall.issue("a"), await hall.issue("a")
        await hall.post(f"/tickets/{urged['id']}/urgent", reason="孕妇")
        for _ in range(2):
            later(hall, 10)
            await done(hall)
            await hall.post("/windows/1/call-next")
        await hall.post("/windows/1/miss", ticket=back["id"])
        await hall.post(f"/tickets/{back['id']}/return")
        await hall.post("/windows/1/call-next")
        await learnt(hall)
        with hall.parts.database.read() as connection:
            ((calls, wraps),) = connection.exec_driver_sql("SELECT calls, wraps FROM service_time").all()
            residuals = connection.exec_driver_sql("SELECT actual FROM forecast_residual ORDER BY seq").all()
        assert (calls, wraps) == (3 + 4, 2 + 3)
        assert [row[0] for row in residuals] == [0, 10, 10, 0, 20]


# ---- what came of it


async def test_ops_reads_what_was_told_against_what_came(tmp_path: Path) -> None:
    async with running(one_window(tmp_path)) as hall:
        await busy(hall)
        first, second = await hall.issue("a"), await hall.issue("b")
        assert [each["estimate"]["minutes"] for each in (first, second)] == [10, 20]
        for minutes in (12, 28):
            later(hall, minutes)
            await done(hall)
            await hall.post("/windows/1/call-next")
        found = await hall.get("/forecast/today")
        assert {key: found[key] for key in ("day", "count", "inside", "error_minutes")} == {
            "day": "2026-03-02",
            "count": 3,
            "inside": round(2 / 3, 3),
            "error_minutes": round((0 + 2 + 20) / 3, 1),
        }
        assert [(each["id"], each["count"], each["error_minutes"]) for each in found["services"]] == [
            ("a", 2, 1.0),
            ("b", 1, 20.0),
        ]
        assert found["tickets"][-1] == {
            "number": "B001",
            "service": "b",
            "taken_at": second["taken_at"],
            "low": 10,
            "minutes": 20,
            "high": 35,
            "came": 40.0,
        }


async def test_with_nobody_called_there_is_nothing_to_compare(tmp_path: Path) -> None:
    async with running(one_window(tmp_path)) as hall:
        found = await hall.get("/forecast/today")
        assert (found["count"], found["inside"], found["error_minutes"], found["tickets"]) == (0, None, None, [])
