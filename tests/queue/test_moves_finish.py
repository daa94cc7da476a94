"""How a visit ends: outcomes, notices and bookings, visits of several steps, and what the period log makes of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import hallfile
from edge.evaluation import desk as evaluation
from edge.hallqueue import Queue
from edge.queue import appointments, arrivals, assigning, board, changing, desk, finishing, issuing, periods
from edge.refusal import Refused
from edge.windows import desk as windows
from tests.books import Books
from tests.hall import DAY_S, Running, World, demo_hall, running

STEPS = 'prefix = "K"\nmean_minutes = 20\nsteps = ["pension", "medical", "household"]'
MINUTE = 60_000


@pytest.fixture
def books(tmp_path: Path) -> Books:
    return Books(tmp_path)


def with_steps(text: str) -> str:
    assert 'prefix = "K"\nmean_minutes = 20' in text
    return text.replace('prefix = "K"\nmean_minutes = 20', STEPS)


def issue(books: Books, service: str = "pension") -> str:
    books.wall.at += 1
    return books.do(issuing.issue, issuing.Issue(service, "kiosk", None, "kiosk:1"))


def call(books: Books, window: int = 3) -> str | None:
    called = books.do(desk.call_next, desk.CallNext(window, ""))
    return called.ticket if called else None


def finish(books: Books, window: int = 3, **told: Any) -> finishing.Finished:
    return books.do(evaluation.finish, finishing.Finish(window, None, f"window:{window}", **told))


def notice(code: str = "B7K3M9Q2XP", missing: tuple[str, ...] = ("身份证原件",)) -> finishing.Notice:
    return finishing.Notice(code, missing, "supplement_notice", {"content": "身份证原件"}, "printer-2")


# ---- outcomes


@pytest.mark.req("CASE-01")
@pytest.mark.parametrize("outcome", ["instant", "committed", "joint", "advice"])
def test_the_outcome_stands_in_the_ticket_the_event_and_the_evaluation(books: Books, outcome: Any) -> None:
    ticket = issue(books)
    call(books)
    finish(books, outcome=outcome)
    assert books.rows("SELECT outcome FROM ticket WHERE id=?", ticket) == [(outcome,)]
    assert books.events("ticket.finished")[0].data["outcome"] == outcome
    assert books.events("evaluation.invited")[0].data["outcome"] == outcome


def test_a_call_box_finishes_with_the_halls_outcome(books: Books) -> None:
    books.hall = books.hall.model_copy(update={"queue": Queue(outcome="committed", outcome_required=True)})
    issue(books)
    call(books)
    books.do(evaluation.make_move, desk.Move("finish", None, 3, "device:counter/3"))
    assert books.events("ticket.finished")[0].data["outcome"] == "committed"


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"outcome": "supplement"}, "notice_needed"),
        ({"outcome": "rejected"}, "notice_needed"),
        ({"outcome": "instant", "notice": notice()}, "no_notice"),
        ({"outcome": "supplement", "notice": notice(missing=("房产证",))}, "unknown_material"),
        ({"outcome": "rebooked"}, "booking_needed"),
    ],
)
def test_what_belongs_to_an_outcome_must_be_there(books: Books, told: dict[str, Any], code: str) -> None:
    issue(books)
    call(books)
    before = books.rows("SELECT * FROM journal")
    with pytest.raises(Refused, match=code):
        finish(books, **told)
    assert books.rows("SELECT * FROM journal") == before


def test_another_time_is_booked_with_the_finish_or_nothing_is(books: Books) -> None:
    ticket = issue(books)
    call(books)
    wrong = appointments.Book("pension", books.clock.now().day, "16:00", "17:00", "onsite", "", "code")
    with pytest.raises(Refused, match="not_another_day"):
        finish(books, outcome="rebooked", booking=wrong)
    assert books.rows("SELECT state FROM ticket WHERE id=?", ticket) == [("called",)]
    right = appointments.Book("pension", "2026-03-03", "09:00", "10:00", "onsite", "", "code")
    done = finish(books, outcome="rebooked", booking=right)
    assert books.rows("SELECT id, service, day, state FROM appointment") == [
        (done.appointment, "pension", "2026-03-03", "booked")
    ]


# ---- back with a notice


@pytest.mark.parametrize(("way", "priority"), [("ordinary", None), ("appointment", "appointment")])
def test_with_the_code_a_visitor_comes_back_once(books: Books, way: Any, priority: str | None) -> None:
    books.hall = books.hall.model_copy(update={"queue": Queue(notice_return=way)})
    issue(books)
    call(books)
    finish(books, outcome="supplement", notice=notice())
    books.wall.at += DAY_S
    back = arrivals.ByNotice(" b7k3m 9q2xp", issuing.Issue("", "kiosk", None, ""))
    issued = books.do(arrivals.issue_by_notice, back)
    assert books.do(arrivals.issue_by_notice, back) == issuing.Issued(issued.ticket, True)
    assert books.rows("SELECT service, priority FROM ticket WHERE id=?", issued.ticket) == [("pension", priority)]
    call(books)
    finish(books)
    with pytest.raises(Refused, match="notice_used"):
        books.do(arrivals.issue_by_notice, back)
    with pytest.raises(Refused, match="no_such_notice"):
        books.do(arrivals.issue_by_notice, arrivals.ByNotice("nobody", back.issue))


# ---- several steps


@pytest.fixture
def steps(tmp_path: Path) -> Books:
    books = Books(tmp_path)
    books.hall = demo_hall(tmp_path, with_steps)
    return books


@pytest.mark.req("QUE-17", "QUE-18")
def test_a_visit_goes_through_its_steps_on_one_number_without_queueing_again(steps: Books) -> None:
    ticket = issue(steps, "transfer")
    others = [issue(steps, each) for each in ("medical", "household")]
    walked = []
    for window, service in ((3, "pension"), (3, "medical"), (1, "household")):
        assert steps.rows("SELECT service, number FROM ticket WHERE id=?", ticket) == [(service, "K001")]
        steps.do(desk.call_chosen, desk.CallChosen(window, ticket, ""))
        walked.append(finish(steps, window).ended)
        line = "SELECT id FROM ticket WHERE state='waiting' AND service=? ORDER BY rank, position"
        if service != "household":
            following = {"pension": "medical", "medical": "household"}[service]
            assert steps.rows(line, following)[0][0] == ticket
    assert walked == [False, False, True]
    assert [event.data["ticket"] for event in steps.events("evaluation.invited")] == [ticket]
    assert steps.events("ticket.finished")[0].data["visit"] == "transfer"
    assert [event.data["to_service"] for event in steps.events("ticket.advanced")] == ["medical", "household"]
    assert ticket not in others


def test_a_visit_that_is_sent_home_does_not_go_on(steps: Books) -> None:
    ticket = issue(steps, "transfer")
    call(steps)
    steps.wall.at += 60
    assert finish(steps, outcome="supplement", notice=notice(missing=("买卖合同", "身份证原件"))).ended
    assert steps.rows("SELECT state FROM ticket WHERE id=?", ticket) == [("finished",)]
    assert steps.rows("SELECT service FROM notice") == [("transfer",)]


def test_the_next_step_goes_to_a_window_that_waits_for_it(steps: Books) -> None:
    ticket = issue(steps, "transfer")
    assert call(steps, 3) == ticket
    assert call(steps, 1) is None
    finish(steps)
    assert steps.rows("SELECT state, window, service FROM ticket WHERE id=?", ticket) == [("called", 1, "medical")]


@pytest.mark.req("QUE-18", "WIN-13")
def test_nobody_is_sent_to_a_step_or_a_service_that_has_closed_for_today(steps: Books) -> None:
    ticket, close = issue(steps, "transfer"), windows.Close(1, "")
    with pytest.raises(Refused, match="people_wait") as refused:
        steps.do(assigning.close, close)
    title = "户口登记还有1人办完前面的步骤要来，没有别的窗口办理，请办完、改约，或挂暂停牌"
    assert refused.value.title == title
    steps.do(windows.close, close)  # it was closed before this visit began
    assert call(steps, 3) == ticket
    finish(steps)
    assert call(steps, 3) == ticket
    for use_case, command in (
        (finishing.finish, finishing.Finish(3, ticket, "", "instant")),
        (desk.transfer, desk.Transfer(3, ticket, "", service="household")),
        (changing.change, changing.Change(issue(steps, "medical"), "transfer", "")),
    ):
        with pytest.raises(Refused, match="service_over") as refused:
            steps.do(use_case, command)
        assert refused.value.title == "户口登记今天已停止办理，请另约，或请窗口重新开窗"
    shown = see_menu(steps)
    assert (shown["transfer"], shown["medical"]) == ((False, "今天已停止办理"), (True, None))
    steps.do(windows.open_again, close)
    assert not finish(steps).ended


def see_menu(books: Books) -> dict[str, tuple[bool, str | None]]:
    with books.database.read() as connection:
        menu = board.menu(connection, books.hall, books.clock.now(), books.outlook())
    return {it["id"]: (it["open"], it["why"]) for unit in menu["units"] for it in unit["services"]}


@pytest.mark.parametrize("wrong", ['steps = ["nothing"]', 'steps = ["transfer"]', 'prefix = "W"', "start = 5"])
def test_a_hall_file_that_cannot_work_is_refused(tmp_path: Path, wrong: str) -> None:
    def change(text: str) -> str:
        if wrong.startswith("prefix"):
            return text.replace('prefix = "K"', wrong)
        both = text.replace('prefix = "L"', 'prefix = "K"') if wrong.startswith("start") else text
        return both.replace('prefix = "K"\n', f'prefix = "K"\n{wrong}\n', 1)

    with pytest.raises(hallfile.HallFileError):
        demo_hall(tmp_path, change)


# ---- numbers and quotas


def test_numbers_begin_where_the_hall_says_and_never_come_twice(tmp_path: Path) -> None:
    books = Books(tmp_path)
    first = issue(books)
    books.hall = demo_hall(tmp_path, lambda text: text.replace('prefix = "A"', 'prefix = "A"\nstart = 998\nwidth = 4'))
    rest = [issue(books) for _ in range(4)]
    numbers = [books.rows("SELECT number FROM ticket WHERE id=?", each)[0][0] for each in (first, *rest)]
    assert numbers == ["A001", "A0998", "A0999", "A1000", "A1001"]
    books.wall.at += DAY_S
    assert books.rows("SELECT number FROM ticket WHERE id=?", issue(books)) == [("A0998",)]


def test_a_full_service_is_closed_and_says_why(tmp_path: Path) -> None:
    books = Books(tmp_path)
    books.hall = demo_hall(tmp_path, lambda text: text.replace('prefix = "A"', 'prefix = "A"\ndaily_quota = 2'))

    def entry() -> Any:
        with books.database.read() as connection:
            menu = board.menu(connection, books.hall, books.clock.now(), books.outlook())
        return menu["units"][0]["services"][0]

    gone = issue(books)
    books.do(desk.make_move, desk.Move("cancel", gone, None, ""))
    assert entry()["open"]
    issue(books)
    assert (entry()["open"], entry()["why"]) == (False, "今天养老保险的号已取完（每天2个），请预约或改日再来")
    with pytest.raises(Refused, match="quota_full"):
        issue(books)
    assert issue(books, "medical")
    book = appointments.Book("pension", books.clock.now().day, "09:00", "10:00", "onsite", "", "code")
    booked = books.do(appointments.book, book)
    assert not books.do(appointments.check_in, appointments.CheckIn(booked, "desk", None, "")).existing
    books.wall.at += DAY_S
    assert issue(books)


# ---- the period log


def test_what_a_visit_took(books: Books) -> None:
    ticket = issue(books)
    books.wall.at += 5 * 60
    call(books)
    books.wall.at += 60
    books.do(desk.make_move, desk.Move("start", ticket, 3, ""))
    books.wall.at += 7 * 60
    finish(books)
    books.wall.at += 2 * 60
    assert call(books) is None  # nobody waits: the window has said that it is ready
    books.wall.at += 30 * 60
    waits = issue(books)
    day = books.clock.now().day
    with books.database.read() as connection:
        found = periods.of_day(connection, day)
        found += periods.wrap_ups(found, periods.ready(connection, day))
    assert [(each.kind, each.end) for each in found if each.ticket == waits][-1] == ("called", None)
    spent = periods.times(found, "service")["pension"]
    minutes = [each / MINUTE for each in (spent.waiting, spent.called, spent.serving, spent.wrap_up, spent.handling)]
    assert minutes == [5, 1, 7, 2, 10]
    assert periods.times(found, "window")[3].visits == 1
    assert periods.times(found, "window")[None].waiting == 5 * MINUTE


def test_a_finish_without_a_start_was_served_from_the_call_on(books: Books) -> None:
    issue(books)
    call(books)
    books.wall.at += 240
    finish(books)
    assert books.rows("SELECT end - start FROM ticket_period WHERE kind='serving'") == [(4 * MINUTE,)]


SPANS = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 9), st.integers(1, 9)), max_size=12)


@given(SPANS, st.lists(st.tuples(st.integers(1, 3), st.integers(0, 200)), max_size=12))
def test_wrap_ups_never_overlap_what_a_window_does(spans: list[tuple[int, int, int]], said: list[Any]) -> None:
    clock, found = dict.fromkeys((1, 2, 3), 0), []
    for nth, (window, gap, length) in enumerate(spans):
        start = clock[window] + gap
        clock[window] = start + length
        found.append(periods.Period(str(nth), "serving", "pension", window, None, start, start + length))
    moments = [periods.Ready(*each) for each in said]
    for wrap in periods.wrap_ups(found, moments):
        assert wrap.end is not None
        assert wrap.start <= wrap.end
        for other in found:
            assert other.window != wrap.window or other.end is None or not (other.start < wrap.end < other.end)
        assert not [it for it in moments if it.window == wrap.window and wrap.start <= it.at < wrap.end]


# ---- over HTTP


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(World(tmp_path)) as made:
        yield made


@pytest.mark.looptime
@pytest.mark.req("PRN-01", "PRN-02", "PRN-03", "PRN-04", "PRN-06", "SEC-04")
@pytest.mark.parametrize(
    ("outcome", "title", "more"),
    [
        ("supplement", "补办件通知书", {"deadline": "2026-03-09"}),
        ("rejected", "窗口退件通知书", {"basis": "条例第九条"}),
    ],
)
async def test_what_is_missing_comes_out_on_paper_once_with_its_code(
    hall: Running, outcome: str, title: str, more: dict[str, str]
) -> None:
    await hall.post("/windows/3/sign-in", staff="1003")
    ticket = await hall.post("/tickets", 201, service="pension", channel="desk")
    await hall.post("/windows/3/call-next")
    told: dict[str, Any] = {
        "ticket": ticket["id"],
        "outcome": outcome,
        "missing": ["身份证原件"],
        "text": "张三的户口本",
    }
    refused = await hall.post("/windows/3/finish", 422, **told)
    assert "申请人" in refused["title"]
    done = await hall.post("/windows/3/finish", **told, values={"applicant": "张三丰", "code": "FORGED", **more})
    await hall.until(lambda: hall.events("print.done"))
    (slip,) = hall.world.simulator("printer-2").slips
    for words in (
        title,
        "张**",
        "身份证原件",
        "张三的户口本",
        "养老保险",
        "赵静 1003",
        done["notice"]["code"],
        *more.values(),
    ):
        assert words in slip.text
    assert "张三丰" not in slip.text
    assert "FORGED" not in slip.text
    assert not [event for event in hall.events("") if "户口本" in str(event.data)]
    back = await hall.post("/tickets", 201, notice=done["notice"]["code"], channel="desk")
    assert back["service"]["id"] == "pension"


@pytest.mark.looptime
async def test_the_moves_are_there_over_http(hall: Running) -> None:
    first = await hall.post("/tickets", 201, service="pension", channel="desk")
    second = await hall.post("/tickets", 201, service="pension", channel="desk")
    await hall.post(f"/tickets/{second['id']}/urgent", reason="航班将起飞")
    await hall.post(f"/tickets/{first['id']}/urgent", 422, reason="电话13800138000")
    called = await hall.post("/windows/3/call-next")
    assert called["ticket"]["id"] == second["id"]
    await hall.post("/windows/3/hold", ticket=second["id"], kind="with_papers")
    await hall.post(f"/tickets/{second['id']}/resume", 409, window=1)
    await hall.post(f"/tickets/{second['id']}/resume", window=3)
    moved = {"ticket": second["id"], "service": "medical", "place": "last", "delay_minutes": 5, "reason": "等材料"}
    await hall.post("/windows/3/transfer", **moved)
    walked = await hall.post("/windows/3/walk-in", service="medical")
    assert walked["ticket"]["number"] == "W001"
    slot = {"day": "2026-03-04", "from": "09:00", "to": "10:00"}
    done = await hall.post("/windows/3/finish", ticket=walked["ticket"]["id"], outcome="rebooked", appointment=slot)
    assert done["appointment"]["code"]
    await hall.post("/windows/3/call", ticket=first["id"])
    await hall.post("/windows/3/wrong-window", ticket=first["id"], window=1)
    assert (await hall.post("/windows/1/call-next"))["ticket"]["id"] == first["id"]
