"""What is amiss at a window, and what never is: breaks, days off, signs, terminals that are down."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from random import Random
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.attendance.calendar import day_of
from edge.attendance.duty import Entry
from edge.attendance.posts import GRACE, Alarm, AtWindow, Clerk, Scene, alarms
from edge.attendance.profile import Direction
from edge.attendance.punches import Punch, Span
from edge.attendance.rules import Cover, Standing
from edge.calendar import Override, Overrides, Shift
from tests.attendance.days import LEAVE, LOADED, MONDAY, ZONE, at, leave, profile, punches, span

req = pytest.mark.req
EMPTY_3 = AtWindow(3)


def look(
    hall: str,
    clock: str,
    windows: Sequence[AtWindow],
    clerks: Sequence[Clerk],
    on: date = MONDAY,
    overrides: Overrides | None = None,
    noon: Sequence[Entry] = (),
    since: datetime | None = None,
) -> list[Alarm]:
    """What is amiss at a time of day, whatever is wrong with years and the noon duty left out."""
    scene, as_of = Scene(windows, clerks, noon), at(clock, on)
    found = alarms(profile(hall), overrides or {}, ZONE, scene, as_of, {})
    if since is not None:
        found = alarms(profile(hall), overrides or {}, ZONE, scene, as_of, {each.key: since for each in found})
    return [each for each in found if each.window is not None]


def keys(*args: object, **kwargs: object) -> list[str]:
    return [each.key for each in look(*args, **kwargs)]  # type: ignore[arg-type]


def li(said: str = "", *covers: Cover, terminal: str = "up", window: int = 3, on: date = MONDAY) -> Clerk:
    """A of window 3."""
    return Clerk("li", "李明", {window: "A"}, terminal, punches(said, on), covers)  # type: ignore[arg-type]


def wu(said: str = "", *covers: Cover, terminal: str = "up") -> Clerk:
    """B of window 3."""
    done = tuple(Punch("wu", each.at, each.direction, each.source) for each in punches(said))
    return Clerk("wu", "吴芳", {3: "B"}, terminal, done, covers)  # type: ignore[arg-type]


# ---- nobody there


@req("WIN-06", "WIN-08", "WIN-11")
def test_a_window_without_operator_punch_and_sign_is_empty_and_its_a_answers_for_it() -> None:
    (alarm,) = look("nanshan_jinan", "10:00", [EMPTY_3], [wu(), li()])
    assert (alarm.kind, alarm.window, alarm.role, alarm.persons) == ("empty_window", 3, "A", ("li",))
    assert alarm.what == "3号窗口空窗：没有人登录，没有有效打卡，也没有挂牌（A角李明，B角吴芳）"
    assert alarm.todo == "请B角吴芳顶岗，或挂暂停牌；由A角李明负责"
    assert "杜绝擅自脱岗" in alarm.clause.source
    assert "WIN-06" in alarm.clause.source


@req("WIN-06")
@pytest.mark.parametrize(
    ("window", "clerks"),
    [
        (AtWindow(3, staff="li"), [li("08:50")]),
        (AtWindow(3, staff="stranger"), [li()]),
        (AtWindow(3, sign="suspended"), [li()]),
        (AtWindow(3, busy=True), [li()]),
        (EMPTY_3, []),
        (EMPTY_3, [li(window=4)]),
    ],
    ids=["signed in", "by somebody else", "sign up", "ticket in hand", "no roster", "nobody's window"],
)
def test_a_window_is_not_empty(window: AtWindow, clerks: list[Clerk]) -> None:
    assert keys("nanshan_jinan", "10:00", [window], clerks) == []


@pytest.mark.parametrize(
    ("hall", "said", "clock", "there"),
    [
        ("yimen", "08:20", "10:00", True),
        ("yimen", "08:20", "14:40", False),
        ("yimen", "08:20 14:20", "14:40", True),
        ("yimen", "10:30", "10:00", False),
        ("county_xx", "08:20 12:01", "15:00", False),
        ("county_xx", "08:20 12:01 12:03", "15:00", False),
        ("county_xx", "08:20 12:01 14:20", "15:00", True),
        ("county_xx", "08:20 14:20", "15:00", True),
        ("county_xx", "08:20 09:30", "10:00", True),
        ("xingguo", "08:50", "15:00", True),
        ("xingguo", "<08:50 >09:40", "10:00", False),
        ("xingguo", "<08:50 >09:40 <09:55", "10:00", True),
        ("xingguo", ">08:50", "10:00", False),
    ],
)
def test_how_long_a_punch_shows_presence(hall: str, said: str, clock: str, there: bool) -> None:
    expected = "punch_without_sign_in:3" if there else "empty_window:3"
    assert keys(hall, clock, [EMPTY_3], [li(said)]) == [expected]


def test_a_roll_call_shows_presence_but_is_no_punch() -> None:
    seen = Clerk("li", "李明", {3: "A"}, "up", (Punch("li", at("09:30"), "unknown", "roll_call"),))
    assert keys("nanshan_jinan", "10:00", [EMPTY_3], [seen]) == ["punch_without_sign_in:3"]
    assert keys("nanshan_jinan", "10:00", [AtWindow(3, "li")], [seen]) == ["signed_in_without_punch:li"]


@req("WIN-12")
def test_b_takes_over_while_a_is_on_leave() -> None:
    away = li("08:50", leave("09:30", "11:00"))
    assert keys("nanshan_jinan", "10:00", [AtWindow(3, "wu")], [away, wu("08:50")]) == []
    (alarm,) = look("nanshan_jinan", "10:00", [EMPTY_3], [away, wu("08:50")])
    assert (alarm.kind, alarm.persons) == ("punch_without_sign_in", ("wu",))
    (alarm,) = look("nanshan_jinan", "10:00", [EMPTY_3], [away, wu()])
    assert (alarm.kind, alarm.role, alarm.persons) == ("empty_window", "A", ("li",))
    assert "WIN-12" in alarm.clause.source


@req("WIN-11")
def test_only_what_was_handed_over_is_b_s_to_answer_for() -> None:
    stands_in = Cover("substitute", span("09:30", "11:00"), "leave-1", LEAVE)
    (alarm,) = look("nanshan_jinan", "10:00", [EMPTY_3], [li("", leave("09:30", "11:00")), wu("", stands_in)])
    assert (alarm.role, alarm.persons) == ("B", ("wu",))
    (alarm,) = look("nanshan_jinan", "10:00", [EMPTY_3], [li(), wu("", stands_in)])
    assert (alarm.role, alarm.persons) == ("A", ("li",))


def test_a_leave_that_a_person_must_look_at_excuses_nothing_yet() -> None:
    doubtful = Cover("on_leave", span("08:00", "11:00"), "leave-1", LEAVE, for_person=True)
    (alarm,) = look("nanshan_jinan", "10:00", [EMPTY_3], [li("", doubtful)])
    assert "WIN-06" in alarm.clause.source
    assert keys("nanshan_jinan", "10:00", [AtWindow(3, "li")], [li("", doubtful)]) == ["signed_in_without_punch:li"]


@req("WIN-12")
def test_b_who_is_signed_in_elsewhere_is_not_here() -> None:
    found = keys("nanshan_jinan", "10:00", [EMPTY_3, AtWindow(4, "wu")], [li(), wu("08:50")])
    assert found == ["empty_window:3"]


def test_without_a_terminal_a_missing_punch_proves_nothing() -> None:
    assert keys("nanshan_jinan", "10:00", [EMPTY_3], [li(terminal="down")]) == []
    assert keys("nanshan_jinan", "10:00", [EMPTY_3], [li(), wu(terminal="down")]) == []
    on_leave = wu("", leave("09:00", "12:00"), terminal="down")
    assert keys("nanshan_jinan", "10:00", [EMPTY_3], [li(), on_leave]) == ["empty_window:3"]
    assert keys("nanshan_jinan", "10:00", [EMPTY_3], [li(terminal="none")]) == ["empty_window:3"]


def test_where_several_are_a_all_are_named() -> None:
    (alarm,) = look("nanshan_jinan", "10:00", [EMPTY_3], [Clerk("zhou", "周", {3: "A"}, "up"), li()])
    assert alarm.persons == ("li", "zhou")
    assert alarm.todo.startswith("请安排人员顶岗")


# ---- signed in and punched


@req("WIN-07")
def test_signed_in_without_a_punch() -> None:
    (alarm,) = look("nanshan_jinan", "10:00", [AtWindow(3, "li")], [li()])
    assert (alarm.key, alarm.window, alarm.persons) == ("signed_in_without_punch:li", 3, ("li",))
    assert alarm.what == "3号窗口李明已登录，今天没有打卡"
    assert alarm.clause.key == "attendance.punches"


@pytest.mark.parametrize(
    "clerk",
    [
        li("08:55"),
        li(terminal="down"),
        li(terminal="none"),
        li("", leave("08:30", "09:30")),
        li("", leave("09:30", "11:00")),
    ],
    ids=["punched", "terminals down", "no terminal", "arrival excused", "on leave now"],
)
def test_signed_in_and_nothing_to_say_about_the_punch(clerk: Clerk) -> None:
    assert keys("nanshan_jinan", "10:00", [AtWindow(3, "li")], [clerk]) == []


@req("WIN-07")
def test_punched_and_signed_in_nowhere() -> None:
    (alarm,) = look("nanshan_jinan", "10:00", [EMPTY_3], [li("08:50"), wu("08:51")])
    assert (alarm.key, alarm.persons) == ("punch_without_sign_in:3", ("li",))
    assert alarm.todo == "请李明到窗口登录，或挂暂停牌"
    for served in (AtWindow(3, "wu"), AtWindow(3, busy=True)):
        assert keys("nanshan_jinan", "10:00", [served], [li("08:50"), wu("08:51")]) == []
    assert keys("nanshan_jinan", "10:00", [EMPTY_3, AtWindow(4, "li")], [li("08:50")]) == ["empty_window:3"]


# ---- for how long, and when


def test_an_alarm_is_due_after_the_grace() -> None:
    (alarm,) = look("nanshan_jinan", "10:00", [EMPTY_3], [li()], since=at("09:56"))
    assert alarm.since == at("09:56")
    assert not alarm.due(at("10:00"))
    assert alarm.due(at("09:56") + GRACE)


@req("WIN-06")
@pytest.mark.parametrize(
    ("clock", "amiss"),
    [
        ("08:59", False),
        ("09:00", True),
        ("11:59", True),
        ("12:00", False),
        ("13:29", False),
        ("16:59", True),
        ("17:00", False),
    ],
)
def test_only_in_service_hours(clock: str, amiss: bool) -> None:
    windows = [EMPTY_3, AtWindow(4, "zhao")]
    clerks = [li(), Clerk("zhao", "赵", {}, "up")]
    assert bool(look("nanshan_jinan", clock, windows, clerks)) == amiss


@req("WIN-06")
@pytest.mark.parametrize(
    ("hall", "on", "amiss"),
    [
        ("nanshan_jinan", date(2026, 10, 10), True),
        ("nanshan_jinan", date(2026, 11, 22), False),
        ("nanshan_jinan", date(2026, 10, 1), False),
        ("nanshan_jinan", date(2026, 11, 24), False),
        ("nanshan_jinan", date(2027, 3, 1), False),
        ("cq_registry", date(2026, 11, 21), False),
    ],
    ids=["worked Saturday", "Sunday", "holiday", "closed by the hall", "unknown year", "by appointment"],
)
def test_only_on_working_days(hall: str, on: date, amiss: bool) -> None:
    closed = date(2026, 11, 24)
    own = {closed: Override(day=closed, kind="closed")}
    windows, clerks = [EMPTY_3, AtWindow(4, "zhao")], [li(), Clerk("zhao", "赵", {}, "up")]
    assert len(look(hall, "10:00", windows, clerks, on, own)) == 2 * amiss


def test_the_hours_of_an_extended_day_are_its_own() -> None:
    hours = (Shift.model_validate({"start": "10:00", "end": "19:00"}),)
    own = {MONDAY: Override(day=MONDAY, kind="extended", shifts=hours)}
    assert keys("county_xx", "09:00", [EMPTY_3], [li()], overrides=own) == []
    assert keys("county_xx", "18:30", [EMPTY_3], [li()], overrides=own) == ["empty_window:3"]


# ---- the noon duty and the years


def others(
    hall: str, clock: str, noon: Sequence[Entry] = (), on: date = MONDAY, own: Overrides | None = None
) -> list[str]:
    scene = Scene((), (), noon)
    return [
        each.what for each in alarms(profile(hall), own or {}, ZONE, scene, at(clock, on), {}) if each.due(each.since)
    ]


@req("WIN-16")
def test_a_noon_duty_without_a_name_is_told_from_the_morning_on() -> None:
    assert others("nanshan_jinan", "08:59") == []
    assert others("nanshan_jinan", "09:00") == ["午间值班没有人：一楼前台12:00–13:20"]
    half = Entry("roster-1", "li", "noon", Span(at("11:00").astimezone(), at("12:40").astimezone()))
    assert others("nanshan_jinan", "09:00", [half]) == ["午间值班没有人：一楼前台12:40–13:20"]
    assert others("nanshan_jinan", "13:20", [half]) == []
    assert others("nanshan_jinan", "09:00", [half, Entry("roster-2", "wu", "noon", span("12:40", "13:20"))]) == []
    assert others("yimen", "09:00") == []
    assert others("nanshan_jinan", "09:00", on=date(2026, 11, 22)) == []


def test_a_year_that_nobody_knows_is_told_a_month_ahead() -> None:
    assert others("yimen", "10:00", on=date(2026, 12, 1)) == []
    assert others("yimen", "10:00", on=date(2026, 12, 2)) == ["2027年的放假安排还没有，工作日无法计算"]
    new_year = date(2027, 1, 1)
    own = {new_year: Override(day=new_year, kind="off")}
    assert others("yimen", "10:00", on=date(2026, 12, 2), own=own) == []
    assert others("yimen", "10:00", on=date(2027, 3, 1), own=own) == []
    assert others("yimen", "10:00", on=date(2027, 12, 2), own=own) == ["2028年的放假安排还没有，工作日无法计算"]


# ---- whatever happens

IDS = ("li", "wu", "zhou")
SIGNS = st.sampled_from([None, "wait_a_moment", "suspended"])
WINDOWS = st.lists(
    st.builds(AtWindow, st.integers(1, 4), st.sampled_from([None, *IDS, "stranger"]), SIGNS, st.booleans()),
    unique_by=lambda each: each.no,
)
MINUTES = st.integers(0, 24 * 60 - 1)
DAYS = st.sampled_from([MONDAY, date(2026, 11, 22), date(2026, 10, 1), date(2026, 10, 10), date(2027, 3, 1)])


@st.composite
def staff(draw: st.DrawFn, on: date) -> list[Clerk]:
    def moment() -> datetime:
        return at("00:00", on) + timedelta(minutes=draw(MINUTES))

    def cover() -> Cover:
        one, two = sorted((moment(), moment()))
        kind = draw(st.sampled_from(get_args(Standing)))
        return Cover(kind, Span(one, two), "ref", LEAVE, draw(st.booleans()))

    def punch(person: str) -> Punch:
        source = draw(st.sampled_from(["face", "roll_call"]))
        return Punch(person, moment(), draw(st.sampled_from(get_args(Direction))), source)

    return [
        Clerk(
            person,
            person,
            draw(st.dictionaries(st.integers(1, 4), st.sampled_from(["A", "B"]), max_size=2)),
            draw(st.sampled_from(["up", "down", "none"])),
            tuple(punch(person) for _ in range(draw(st.integers(0, 4)))),
            tuple(cover() for _ in range(draw(st.integers(0, 2)))),
        )
        for person in IDS
    ]


@given(st.data(), st.sampled_from(sorted(LOADED)), DAYS, MINUTES, WINDOWS)
def test_whatever_happens(data: st.DataObject, hall: str, on: date, minute: int, windows: list[AtWindow]) -> None:
    rules, clerks = profile(hall), data.draw(staff(on))
    as_of = at("00:00", on) + timedelta(minutes=minute)
    found = alarms(rules, {}, ZONE, Scene(windows, clerks), as_of, {})
    here = [each for each in found if each.window is not None]

    day = day_of(rules, {}, on)
    serving = day.kind == "working" and any(each.start <= as_of.time() < each.end for each in day.shifts)
    assert serving or not here
    signs = {each.no for each in windows if each.sign is not None}
    assert not signs & {each.window for each in here}
    served = {each.no for each in windows if each.staff is not None or each.busy}
    assert not served & {each.window for each in here if each.kind != "signed_in_without_punch"}
    posts = {each.id: each.posts for each in clerks}
    for each in here:
        assert each.window is not None
        assert each.kind == "signed_in_without_punch" or all(each.window in posts[who] for who in each.persons)
        assert f"{each.window}号窗口" in each.what
    assert [each.key for each in found] == sorted({each.key for each in found})
    assert all("." in each.clause.key and "(-)" not in each.clause.source and each.todo for each in found)


@given(st.data(), st.sampled_from(sorted(LOADED)), WINDOWS, st.integers(), st.integers(0, 8 * 60))
def test_the_order_of_what_is_known_changes_nothing(
    data: st.DataObject, hall: str, windows: list[AtWindow], seed: int, minute: int
) -> None:
    clerks, random = data.draw(staff(MONDAY)), Random(seed)
    as_of = at("09:00") + timedelta(minutes=minute)
    first = alarms(profile(hall), {}, ZONE, Scene(windows, clerks), as_of, {})
    mixed = [
        Clerk(
            each.id,
            each.name,
            dict(random.sample(list(each.posts.items()), len(each.posts))),
            each.terminal,
            tuple(random.sample(each.punches, len(each.punches))),
            tuple(random.sample(each.covers, len(each.covers))),
        )
        for each in random.sample(clerks, len(clerks))
    ]
    scene = Scene(random.sample(windows, len(windows)), mixed)
    assert alarms(profile(hall), {}, ZONE, scene, as_of, {}) == first
