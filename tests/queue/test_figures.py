"""The figures of a day: a scripted one against numbers worked out by hand, and random ones against what must hold."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.queue import appointments, arrivals, balance, closing, desk, finishing, issuing
from edge.queue.figure_views import close_figures, day_figures, day_priority
from edge.queue.figures import COUNTS
from edge.refusal import Refused
from edge.windows import desk as windows
from tests.books import Books
from tests.hall import DAY_S, MORNING, demo_hall

TODAY = "2026-03-02"
TWIN = '\n[[window]]\nno = 4\nname = "社保窗口"\nzone = "f1"\nskills = ["medical", "pension"]\n'
"""It serves what window 3 does."""


def opened(folder: Path, hours: str = '"always"') -> Books:
    books = Books(folder)
    books.hall = demo_hall(folder, lambda text: text.replace('hours = "always"', f"hours = {hours}") + TWIN)
    books.do(windows.know_windows, None)
    return books


@pytest.fixture
def books(tmp_path: Path) -> Books:
    return opened(tmp_path)


def at(books: Books, minute: float) -> None:
    """Minutes after nine."""
    books.wall.at = MORNING + minute * 60


def issue(books: Books, service: str = "pension", reason: Any = None, source: Any = "card") -> str:
    claims = (balance.Claim(reason, source),) if reason else ()
    return books.do(issuing.issue, issuing.Issue(service, "kiosk", None, "kiosk:1", claims))


def call(books: Books, window: int) -> str | None:
    called = books.do(desk.call_next, desk.CallNext(window, ""))
    return called.ticket if called else None


def move(books: Books, name: str, window: int | None, ticket: str | None = None) -> None:
    books.do(desk.make_move, desk.Move(name, ticket, window, ""))


def finish(books: Books, window: int, outcome: Any = None) -> None:
    books.do(finishing.finish, finishing.Finish(window, None, "", outcome))


def figures(books: Books, day: str = TODAY) -> dict[str, Any]:
    with books.database.read() as connection:
        return day_figures(connection, books.hall, books.clock.now(), day)


def priority(books: Books, day: str = TODAY) -> dict[str, Any]:
    with books.database.read() as connection:
        return day_priority(connection, books.hall, books.clock.now(), day)


def row(view: dict[str, Any], what: str, key: str, value: object) -> dict[str, Any]:
    (found,) = (each for each in view[what] if each[key] == value)
    return dict(found)


# ---- a morning


def a_morning(books: Books) -> None:
    """Until 10:20."""
    at(books, 0)
    books.do(windows.sign_in, windows.SignIn(3, "1003", ""))
    books.do(windows.sign_in, windows.SignIn(4, "1002", ""))
    at(books, 5)
    issue(books)
    at(books, 6)
    missed = issue(books)
    at(books, 7)
    issue(books, "medical")
    at(books, 8)
    senior = issue(books, reason="senior")
    at(books, 10)
    assert call(books, 3) == senior
    at(books, 11)
    move(books, "start", 3)
    at(books, 20)
    finish(books, 3)
    at(books, 22)
    call(books, 3)
    at(books, 32)
    finish(books, 3)  # nobody pressed start
    assert call(books, 3) == missed
    at(books, 34)
    move(books, "miss", 3)
    call(books, 3)
    at(books, 35)
    move(books, "start", 3)
    at(books, 40)
    assert call(books, 4) is None
    at(books, 44)
    finish(books, 3, "advice")
    at(books, 45)
    issue(books)  # to window 4 at once
    at(books, 46)
    move(books, "start", 4)
    at(books, 50)
    books.do(windows.pause, windows.Pause(3, "away", ""))
    _second_hour(books)


def _second_hour(books: Books) -> None:
    at(books, 60)
    books.do(desk.transfer, desk.Transfer(4, None, "", service="medical"))
    at(books, 65)
    call(books, 4)
    at(books, 66)
    leaves = issue(books)
    at(books, 70)
    finish(books, 4)
    at(books, 71)
    waits = issue(books)
    at(books, 72)
    held = issue(books, "medical")
    at(books, 74)
    books.do(desk.call_chosen, desk.CallChosen(1, held, ""))
    at(books, 75)
    move(books, "cancel", None, leaves)
    at(books, 76)
    books.do(windows.sign_out, windows.SignOut(4, ""))
    move(books, "hold", 1)
    books.do(arrivals.walk_in, arrivals.WalkIn(1, "household", ""))
    at(books, 78)
    books.do(arrivals.urge, arrivals.Urge(waits, "突发疾病", "desk/help"))
    at(books, 80)


NOBODY: dict[str, Any] = dict.fromkeys((*COUNTS, "cases", "waits"), 0) | dict.fromkeys(
    ("wait_mean", "wait_median", "wait_p90", "wait_max", "handling_mean")
)


def named(**figures: Any) -> dict[str, Any]:
    return NOBODY | figures


@pytest.mark.req("QUE-02")
def test_the_services_of_a_morning(books: Books) -> None:
    a_morning(books)
    found = figures(books)
    pension = {"issued": 6, "moved_out": 1, "served": 2, "missed": 1, "cancelled": 1, "waiting": 1, "cases": 3}
    waits = {"waits": 4, "wait_mean": 11.2, "wait_median": 9.5, "wait_p90": 26.0, "wait_max": 26.0}
    name = {"id": "pension", "name": "养老保险", "name_en": "Pension insurance", "prefix": "A"}
    assert row(found, "services", "id", "pension") == named(**pension, **waits, **name, handling_mean=14.7)
    medical = {"issued": 2, "moved_in": 1, "served": 2, "held": 1, "cases": 2}
    waits = {"waits": 3, "wait_mean": 11.3, "wait_median": 5.0, "wait_p90": 27.0, "wait_max": 27.0}
    name = {"id": "medical", "name": "医疗保险", "name_en": "Medical insurance", "prefix": "C"}
    assert row(found, "services", "id", "medical") == named(**medical, **waits, **name, handling_mean=14.5)
    assert row(found, "services", "id", "household")["in_hand"] == 1
    assert found["total"] == {
        "issued": 9,
        "moved_in": 1,
        "moved_out": 1,
        "served": 4,
        "missed": 1,
        "cancelled": 1,
        "waiting": 1,
        "in_hand": 1,
        "held": 1,
        "cases": 5,
        "waits": 7,
        "wait_mean": 11.3,
        "wait_median": 5.0,
        "wait_p90": 27.0,
        "wait_max": 27.0,
        "handling_mean": 14.6,
    }
    assert [each["id"] for each in found["services"]] == [each.id for each in books.hall.services]
    assert [(each["id"], each["count"]) for each in found["outcomes"] if each["count"]] == [
        ("instant", 3),
        ("advice", 1),
    ]
    assert (found["day"], found["as_of"], found["closed"]) == (TODAY, "2026-03-02T10:20:00.000+08:00", False)


@pytest.mark.req("QUE-01", "QUE-02", "PRN-08")
def test_the_windows_clerks_and_hours_of_a_morning(books: Books) -> None:
    a_morning(books)
    found = figures(books)
    names = ("no", "cases", "busy", "open", "cases_per_open_hour", "busy_share", "outcomes")
    assert [tuple(each[name] for name in names) for each in found["windows"]] == [
        (1, 0, 6.0, 6.0, 0.0, 1.0, {}),  # still busy
        (2, 0, 0.0, 0.0, None, None, {}),
        (3, 3, 40.0, 50.0, 3.6, 0.8, {"instant": 2, "advice": 1}),
        (4, 2, 31.0, 76.0, 1.58, 0.408, {"instant": 1}),
    ]
    assert found["clerks"] == [
        {"staff": "1002", "name": "王芳", "cases": 2, "busy": 31.0},
        {"staff": "1003", "name": "赵静", "cases": 3, "busy": 40.0},
    ]
    assert found["hours"] == [
        {"hour": 9, "arrivals": 5, "waiting_peak": 4, "served": 3},
        {"hour": 10, "arrivals": 4, "waiting_peak": 3, "served": 1},
    ]
    assert found["balance"] == {
        "jain": 0.9,
        "variation": 0.39,
        "groups": [
            {
                "windows": [3, 4],
                "services": ["medical", "pension"],
                "names": ["医疗保险", "养老保险"],
                "cases_per_open_hour": [3.6, 1.58],
                "variation": 0.39,
                "ratio": 2.28,
            }
        ],
    }


@pytest.mark.req("QUE-28")
def test_what_priority_cost_whom_that_morning(books: Books) -> None:
    a_morning(books)
    found = priority(books)
    assert found["reasons"] == [
        {
            "reason": "senior",
            "name": "老年人优先",
            "calls": 1,
            "jumped": 1,
            "overtaken": 2,
            "minutes": 22.0,
            "sources": [{"id": "card", "name": "身份证", "calls": 1}],
        },
        {
            "reason": "chosen",
            "name": "窗口指定呼叫",
            "calls": 1,
            "jumped": 0,
            "overtaken": 0,
            "minutes": 0.0,
            "sources": [{"id": "window", "name": "窗口", "calls": 1}],
        },
        {
            "reason": "walk_in",
            "name": "无号办理",
            "calls": 1,
            "jumped": 0,
            "overtaken": 0,
            "minutes": 0.0,
            "sources": [{"id": "window", "name": "窗口", "calls": 1}],
        },
    ]
    (use,) = found["uses"]
    assert (use["number"], use["window"], use["called_at"]) == ("A003", 3, "2026-03-02T09:10:00.000+08:00")
    assert use["whom"] == [{"number": "A001", "minutes": 12.0}, {"number": "A002", "minutes": 10.0}]
    (urgent,) = found["urgent"]
    assert urgent == {
        "at": "2026-03-02T10:18:00.000+08:00",
        "number": "A006",
        "service": "pension",
        "service_name": "养老保险",
        "reason": "突发疾病",
        "actor": "desk/help",
    }


@pytest.mark.req("QUE-02")
def test_a_day_is_closed_once_and_stays_as_it_was(books: Books) -> None:
    a_morning(books)
    live, cost = figures(books), priority(books)
    assert books.do(close_figures, TODAY) is True
    assert books.do(close_figures, TODAY) is False
    books.wall.at += DAY_S
    books.do(closing.close_day, None)
    kept = figures(books)
    assert kept == live | {"closed": True}
    assert priority(books) == cost | {"closed": True}
    (event,) = books.events("queue.day_closed")
    assert event.data["issued"] == 9
    assert event.data["jain"] == 0.9
    assert event.data["overtaken_minutes"] == 22.0
    assert not {"1002", "王芳", "A003"} & set(str(event.data).replace("'", " ").split())
    (body,) = (each[0] for each in books.rows("SELECT body FROM day_figures WHERE key='day'"))
    assert "王芳" not in body


def test_a_day_that_nobody_closed_is_made_from_its_log(books: Books) -> None:
    a_morning(books)
    books.wall.at += DAY_S
    books.do(closing.close_day, None)
    found = figures(books)
    assert not found["closed"]
    counts = {name: found["total"][name] for name in ("issued", "served", "missed", "cancelled", "waiting", "held")}
    assert counts == {"issued": 9, "served": 5, "missed": 1, "cancelled": 3, "waiting": 0, "held": 0}


def test_a_day_to_come_and_an_empty_one(books: Books) -> None:
    for day, as_of in (("2026-03-03", None), ("2020-01-01", "2026-03-02T09:00:00.000+08:00")):
        found = figures(books, day)
        assert found["total"] == NOBODY
        assert found["as_of"] == as_of
        assert (found["hours"], found["clerks"], found["balance"]["jain"]) == ([], [], None)
        assert not any(each["open"] for each in found["windows"])
        assert priority(books, day) | {"as_of": None, "closed": False} == {
            "day": day,
            "as_of": None,
            "closed": False,
            "reasons": [],
            "overtaken": 0,
            "minutes": 0.0,
            "uses": [],
            "urgent": [],
        }


# ---- single rules


@pytest.mark.req("QUE-01")
def test_equal_windows_with_three_cases_to_one(books: Books) -> None:
    for no, staff in ((3, "1003"), (4, "1002")):
        books.do(windows.sign_in, windows.SignIn(no, staff, ""))
    for nth in range(3):
        for window in (3, 4) if nth == 0 else (3,):
            issue(books)
            call(books, window)
        at(books, nth * 20 + 20)
        for window in (3, 4) if nth == 0 else (3,):
            finish(books, window)
    (group,) = figures(books)["balance"]["groups"]
    assert (group["windows"], group["cases_per_open_hour"]) == ([3, 4], [3.0, 1.0])
    assert (group["ratio"], group["variation"]) == (3.0, 0.5)


def test_a_visit_over_midnight_belongs_to_the_day_of_its_number(books: Books) -> None:
    at(books, 14 * 60 + 50)
    issue(books)
    at(books, 14 * 60 + 55)
    call(books, 3)
    at(books, 15 * 60 + 20)
    running = row(figures(books), "windows", "no", 3)
    finish(books, 3)
    found = figures(books)
    assert running["busy"] == 25.0
    assert {**row(found, "windows", "no", 3)} == running | {
        "cases": 1,
        "cases_per_open_hour": 2.4,
        "outcomes": {"instant": 1},
    }
    assert [(each["hour"], each["arrivals"], each["served"]) for each in found["hours"]] == [(23, 1, 0), (24, 0, 1)]
    tomorrow = figures(books, "2026-03-03")
    assert tomorrow["total"] == NOBODY
    assert tomorrow["hours"] == []
    assert not row(tomorrow, "windows", "no", 3)["open"]


def test_a_window_that_nobody_left_is_open_in_the_halls_hours(tmp_path: Path) -> None:
    books = opened(tmp_path, '[{ from = "09:00", to = "12:00" }, { from = "14:00", to = "17:00" }]')
    at(books, -30)
    books.do(windows.sign_in, windows.SignIn(3, "1003", ""))
    at(books, 10)
    issue(books)
    call(books, 3)
    at(books, 30)
    finish(books, 3)  # and nothing more: not a wrap-up of five hours
    at(books, 330)
    issue(books)
    call(books, 3)
    assert row(figures(books), "windows", "no", 3)["open"] == 180 + 30
    at(books, 12 * 60)
    finish(books, 3)  # beyond closing: open while busy
    found = row(figures(books), "windows", "no", 3)
    assert (found["busy"], found["open"]) == (20 + 390, 180 + 30 + 390)


def test_a_delay_that_was_agreed_and_a_booked_time_to_come_are_no_wait(books: Books) -> None:
    ticket = issue(books)
    call(books, 3)
    books.do(desk.transfer, desk.Transfer(3, ticket, "", service="medical", delay_minutes=30))
    at(books, 30)
    books.do(desk.release, None)
    at(books, 34)
    assert call(books, 3) == ticket
    assert row(figures(books), "services", "id", "medical")["wait_mean"] == 4.0
    finish(books, 3)
    book = appointments.Book("pension", TODAY, "10:00", "11:00", "phone", "desk", "code")
    booked = books.do(appointments.book, book)
    books.do(appointments.check_in, appointments.CheckIn(booked, "kiosk", "1", "kiosk:1", None))
    at(books, 66)
    call(books, 3)
    assert row(figures(books), "services", "id", "pension")["wait_max"] == 6.0


def test_who_was_missed_and_comes_back_waits_no_second_time(books: Books) -> None:
    ticket = issue(books)
    at(books, 5)
    call(books, 3)
    move(books, "miss", 3)
    at(books, 20)
    move(books, "return", None, ticket)
    at(books, 40)
    assert call(books, 3) == ticket
    found = figures(books)["total"]
    assert (found["waits"], found["wait_max"], found["missed"], found["in_hand"]) == (1, 5.0, 0, 1)


# ---- what always holds

ACTS = [*["issue"] * 3, *["call"] * 3, *["finish"] * 2, "senior", "soldier", "chosen", "start", "miss", "return"]
ACTS += [
    "hold",
    "resume",
    "cancel",
    "transfer",
    "first",
    "walk_in",
    "urge",
    "pause",
    "open",
    "in",
    "out",
    "close",
    "back",
]
STEPS = st.tuples(
    st.sampled_from(ACTS),
    st.sampled_from([1, 3, 4]),
    st.sampled_from(["pension", "medical", "household"]),
    st.integers(0, 900),
    st.integers(0, 99),
)


def step(books: Books, name: str, window: int, service: str, seconds: int, pick: int) -> None:
    books.wall.at += -seconds if name == "back" else seconds
    tickets = [each[0] for each in books.rows("SELECT id FROM ticket WHERE state<>'finished' ORDER BY id")]
    ticket = tickets[pick % len(tickets)] if tickets else ""
    staff = f"100{pick % 3 + 1}"
    acts: dict[str, tuple[Any, Any]] = {
        "issue": (issuing.issue, issuing.Issue(service, "kiosk", None, "")),
        "senior": (issuing.issue, issuing.Issue(service, "kiosk", None, "", (balance.Claim("senior", "card"),))),
        "soldier": (issuing.issue, issuing.Issue(service, "desk", None, "", (balance.Claim("military", "declared"),))),
        "call": (desk.call_next, desk.CallNext(window, "")),
        "chosen": (desk.call_chosen, desk.CallChosen(window, ticket, "")),
        "finish": (finishing.finish, finishing.Finish(window, None, "", "advice" if pick % 2 else None)),
        "resume": (desk.resume, desk.Resume(window, ticket, "")),
        "transfer": (desk.transfer, desk.Transfer(window, None, "", service=service, delay_minutes=pick % 2 * 10)),
        "first": (desk.transfer, desk.Transfer(window, None, "", service=service, place="first")),
        "walk_in": (arrivals.walk_in, arrivals.WalkIn(window, service, "")),
        "urge": (arrivals.urge, arrivals.Urge(ticket, "急", "desk")),
        "pause": (windows.pause, windows.Pause(window, "away", "")),
        "open": (windows.resume, windows.Resume(window, "")),
        "close": (windows.close, windows.Close(window, "")),
        "in": (windows.sign_in, windows.SignIn(window, staff, "")),
        "out": (windows.sign_out, windows.SignOut(window, "")),
        "back": (desk.release, None),
    }
    move_of = desk.Move(name, ticket, None, "") if name in ("return", "cancel") else desk.Move(name, None, window, "")
    use_case, command = acts.get(name, (desk.make_move, move_of))
    try:
        books.do(use_case, command)
    except Refused:
        return


@settings(max_examples=25, deadline=None)
@given(st.lists(STEPS, max_size=60), st.booleans())
def test_the_figures_of_any_day_agree_with_each_other(steps: list[Any], hours: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        books = opened(Path(folder), '[{ from = "09:00", to = "24:00" }]' if hours else '"always"')
        for each in steps:
            step(books, *each)
        day = figures(books)
        agree(day, books)
        cost = priority(books)
        assert cost["minutes"] == pytest.approx(sum(each["minutes"] for each in cost["uses"]), abs=0.5)
        assert sum(each["jumped"] for each in cost["reasons"]) == len(cost["uses"])
        books.do(close_figures, TODAY)
        assert figures(books) == day | {"closed": True}
        assert priority(books) == cost | {"closed": True}
        books.database.close()


ENDS = ("served", "missed", "cancelled", "waiting", "in_hand", "held", "moved_out")


def agree(day: dict[str, Any], books: Books) -> None:
    for each in (day["total"], *day["services"]):
        assert each["issued"] + each["moved_in"] == sum(each[end] for end in ENDS)
        assert each["wait_median"] is None or each["wait_median"] <= each["wait_p90"] <= each["wait_max"]
    total = day["total"]
    for name in (*COUNTS, "cases", "waits"):
        assert total[name] == sum(each[name] for each in day["services"])
    assert total["moved_in"] == total["moved_out"]
    assert total["issued"] == books.rows("SELECT count(*) FROM ticket WHERE day=?", TODAY)[0][0]
    assert sum(each["arrivals"] for each in day["hours"]) == total["issued"]
    assert sum(each["served"] for each in day["hours"]) == total["served"]
    assert sum(each["count"] for each in day["outcomes"]) <= total["served"]
    for each in day["windows"]:
        assert 0 <= each["busy"] <= each["open"]
        assert each["busy_share"] is None or 0 <= each["busy_share"] <= 1
    assert sum(each["busy"] for each in day["clerks"]) <= sum(each["busy"] for each in day["windows"]) + 0.5
    assert day["balance"]["jain"] is None or 0 < day["balance"]["jain"] <= 1
