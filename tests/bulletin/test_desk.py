"""The bulletin: nothing is shown that another person has not approved, nor outside its days; emergencies stand."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from edge.bulletin import desk, emergencies, views
from edge.bulletin.desk import Approve, Enter, Move, Outcome, Withdraw
from edge.bulletin.emergencies import Clear, Raise
from edge.refusal import Refused
from tests.books import Books
from tests.hall import DAY_S

req = pytest.mark.req
TODAY = date(2026, 3, 2)
PEOPLE = st.sampled_from(["李明", "王芳", "赵静"])
ZONES = st.sampled_from([(), ("f1",), ("guide",), ("f1", "guide")])


def entered(books: Books, title: str = "停电通知", body: str = "3月5日停电", by: str = "李明", **more: Any) -> str:
    given: dict[str, Any] = {"kind": "notice", "outcomes": (), "zones": (), "first": TODAY, "last": None, **more}
    return books.do(desk.enter, Enter(title=title, body=body, by=by, actor="ops", **given))


def approved(books: Books, entry: str, version: int = 1, by: str = "王芳") -> None:
    books.do(desk.approve, Approve(entry, version, by, "ops"))


def shown(books: Books, zone: str | None = None) -> list[str]:
    with books.database.read() as connection:
        return [each.title for each in views.shown(connection, books.clock.now().day, zone)]


@pytest.fixture
def books(tmp_path: Path) -> Books:
    return Books(tmp_path)


# ---- as a state machine


@dataclass
class Version:
    title: str
    by: str
    first: date
    last: date | None
    zones: tuple[str, ...]
    approved: bool = False


@dataclass
class Entry:
    versions: list[Version] = field(default_factory=list)
    withdrawn: bool = False

    def on(self, day: date, zone: str) -> str | None:
        """The title that must stand there on this day."""
        begun = [each for each in self.versions if each.approved and each.first <= day]
        if self.withdrawn or not begun:
            return None
        it = begun[-1]
        over = it.last is not None and it.last < day
        return None if over or (it.zones and zone not in it.zones) else it.title


class Bulletins(RuleBasedStateMachine):
    entries = Bundle("entries")

    @initialize()
    def open(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.books = Books(self.folder)
        self.known: dict[str, Entry] = {}
        self.order: list[str] = []
        self.count = 0

    @property
    def today(self) -> date:
        return date.fromisoformat(self.books.clock.now().day)

    def enter_version(self, entry: str | None, by: str, start: int, days: int | None, zones: tuple[str, ...]) -> str:
        self.count += 1
        first = self.today + timedelta(days=start)
        last = None if days is None else max(first, self.today) + timedelta(days=days)
        version = Version(f"第{self.count}稿", by, first, last, zones)
        id_ = entered(self.books, version.title, by=by, first=first, last=last, zones=zones, entry=entry)
        self.known.setdefault(id_, Entry()).versions.append(version)
        return id_

    days = st.one_of(st.none(), st.integers(0, 2))

    @rule(target=entries, by=PEOPLE, start=st.integers(-1, 2), days=days, zones=ZONES)
    def enter(self, by: str, start: int, days: int | None, zones: tuple[str, ...]) -> str:
        id_ = self.enter_version(None, by, start, days, zones)
        self.order.append(id_)
        return id_

    @rule(entry=entries, by=PEOPLE, start=st.integers(-1, 2), days=days, zones=ZONES)
    def change(self, entry: str, by: str, start: int, days: int | None, zones: tuple[str, ...]) -> None:
        if self.known[entry].withdrawn:
            with pytest.raises(Refused):
                self.enter_version(entry, by, start, days, zones)
        else:
            assert self.enter_version(entry, by, start, days, zones) == entry

    @rule(entry=entries, by=PEOPLE, old=st.integers(0, 1))
    def approve(self, entry: str, by: str, old: int) -> None:
        it = self.known[entry]
        may = not it.withdrawn and not old and (by != it.versions[-1].by)
        try:
            approved(self.books, entry, len(it.versions) - old, by)
        except Refused:
            assert not may or it.versions[-1].approved
        else:
            assert may
            it.versions[-1].approved = True

    @rule(entry=entries, by=PEOPLE)
    def withdraw(self, entry: str, by: str) -> None:
        if not self.known[entry].withdrawn:
            self.books.do(desk.withdraw, Withdraw(entry, by, "ops"))
            self.known[entry].withdrawn = True

    @rule(entry=entries, earlier=st.booleans())
    def move(self, entry: str, earlier: bool) -> None:
        if self.known[entry].withdrawn:
            return
        self.books.do(desk.move, Move(entry, earlier, "ops"))
        standing = [each for each in self.order if not self.known[each].withdrawn]
        here = standing.index(entry)
        there = here - 1 if earlier else here + 1
        if 0 <= there < len(standing):
            a, b = self.order.index(entry), self.order.index(standing[there])
            self.order[a], self.order[b] = self.order[b], self.order[a]

    @rule()
    def a_day_goes_by(self) -> None:
        self.books.wall.at += DAY_S

    @invariant()
    def only_what_another_has_approved_is_shown_and_only_in_its_days(self) -> None:
        for zone in ("f1", "guide"):
            wanted = [self.known[each].on(self.today, zone) for each in self.order]
            assert shown(self.books, zone) == [each for each in wanted if each is not None]

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.books.database.close()
            shutil.rmtree(self.folder)


Bulletins.TestCase.settings = settings(max_examples=12, stateful_step_count=16, deadline=None)
TestBulletins = req("DISP-14", "DISP-15")(Bulletins.TestCase)


# ---- one by one


@req("DISP-14")
@pytest.mark.parametrize("same", ["李明", " 李 明", "李明\u3000", "李明\n", "1001"])
def test_nobody_approves_what_they_entered(books: Books, same: str) -> None:
    entry = entered(books)
    with pytest.raises(Refused, match="own_entry"):
        approved(books, entry, by=same)
    assert shown(books) == []
    assert [each.type for each in books.events("bulletin.")] == ["bulletin.entered"]


@req("DISP-14")
def test_only_the_halls_staff_or_the_centre_approves(books: Books) -> None:
    entry = entered(books, by="1001")
    for by, code in (("周主任", "not_staff"), ("李明", "own_entry")):
        with pytest.raises(Refused, match=code):
            approved(books, entry, by=by)
    staff = books.hall.staff
    books.hall = books.hall.model_copy(update={"staff": (*staff, staff[1].model_copy(update={"id": "1009"}))})
    with pytest.raises(Refused, match="有2位王芳，请写工号"):
        approved(books, entry, by="王芳")
    for _ in range(2):
        approved(books, entry, by=" 1002")
    assert books.rows("SELECT approved_by FROM bulletin_version") == [("王芳",)]
    by_centre = entered(books, "换锁")
    books.do(desk.approve, Approve(by_centre, 1, "市中心 周主任", "central", centre=True))
    books.hall = books.hall.model_copy(update={"staff": ()})
    approved(books, entered(books, "迎新"), by="周主任")
    assert shown(books) == ["停电通知", "换锁", "迎新"]


@req("DISP-15")
def test_a_change_waits_while_the_approved_one_stays(books: Books) -> None:
    entry = entered(books)
    approved(books, entry)
    entered(books, "改为3月6日停电", entry=entry)
    assert shown(books) == ["停电通知"]
    with pytest.raises(Refused, match="old_version"):
        approved(books, entry, 1, "赵静")
    approved(books, entry, 2)
    assert shown(books) == ["改为3月6日停电"]
    with books.database.read() as connection:
        (view,) = views.entries(connection, books.hall, "2026-03-02")
    assert [(each["version"], each["entered_by"], each["approved_by"], each["state"]) for each in view["versions"]] == [
        (2, "李明", "王芳", "正在显示"),
        (1, "李明", "王芳", "已有新版"),
    ]


def test_the_same_words_are_no_new_version(books: Books) -> None:
    entry = entered(books)
    with pytest.raises(Refused, match="nothing_changed"):
        entered(books, entry=entry)


@req("DISP-06", "SEC-04")
def test_results_are_published_with_masked_names(books: Books) -> None:
    outcomes = (
        Outcome("不动产转移登记 530103199001010016", "欧阳小明", "13800138000", "2026-03-01", "已办结"),
        Outcome("施工许可", "示范建设有限公司", "2026-0415", "2026-03-02", "准予许可", organisation=True),
    )
    approved(books, entered(books, "结果公示", "", kind="result", outcomes=outcomes, last=date(2026, 3, 9)))
    with books.database.read() as connection:
        (card, _) = views.cards(books.hall, views.shown(connection, "2026-03-02"))
    assert card.blocks == (
        "公示期 3月2日至3月9日",
        "欧阳** 不动产转移登记 530***********0016 138****8000 3月1日 已办结",
        "示范建设有限公司 施工许可 2026-0415 3月2日 准予许可",
    )
    for secret in ("欧阳小明", "530103199001010016", "13800138000"):
        assert not books.rows("SELECT 1 FROM bulletin_version WHERE title || body || results LIKE ?", f"%{secret}%")
        assert not books.rows("SELECT 1 FROM journal WHERE data LIKE ?", f"%{secret}%")


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("no_results", {"kind": "result"}),
        ("no_words", {"body": " "}),
        ("no_words", {"outcomes": (Outcome("a", "b", "", "2026-03-01", "c"),)}),
        ("dates_unfit", {"first": date(2026, 3, 9), "last": date(2026, 3, 8)}),
        ("dates_unfit", {"first": date(2026, 2, 1), "last": date(2026, 3, 1)}),
        ("no_such_zone", {"zones": ("attic",)}),
        ("no_such_entry", {"entry": "x"}),
    ],
)
def test_what_cannot_be_shown_is_not_entered(books: Books, code: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(Refused, match=code):
        entered(books, **wrong)
    assert not books.rows("SELECT 1 FROM bulletin")


@req("DISP-19")
def test_commitments_are_the_files_until_some_are_approved(books: Books) -> None:
    def cards() -> list[tuple[str, ...]]:
        with books.database.read() as connection:
            found = views.cards(books.hall, views.shown(connection, books.clock.now().day))
        return [each.blocks for each in found if each.kind == "commitment"]

    assert [len(each) for each in cards()] == [5]
    own = entered(books, "五项承诺", "热情\n准确\n及时\n公开\n廉洁", kind="commitment")
    assert cards()[0][0] == "1. 热情接待，首问负责到底"
    approved(books, own)
    assert cards() == [("1. 热情", "2. 准确", "3. 及时", "4. 公开", "5. 廉洁")]


# ---- over everything


def over(books: Books, zone: str) -> str | None:
    with books.database.read() as connection:
        found = views.emergency(connection, books.hall, zone)
    return found["text"] if found else None


def raised(books: Books, words: str, zones: tuple[str, ...] = ()) -> str:
    books.wall.at += 1
    return books.do(emergencies.raise_, Raise(words, zones, "王芳", "ops"))


@req("DISP-18")
def test_an_emergency_stands_until_it_is_cleared_and_a_wider_one_takes_its_place(books: Books) -> None:
    everywhere = raised(books, "请从东门离开")
    here = raised(books, "一楼请从西门离开", ("f1",))
    assert (over(books, "f1"), over(books, "guide")) == ("一楼请从西门离开", "请从东门离开")
    for _ in range(2):
        books.do(emergencies.clear, Clear(here, "王芳", "ops"))
    assert over(books, "f1") == "请从东门离开"
    raised(books, "禁止吸烟")
    assert over(books, "f1") == over(books, "guide") == "禁止吸烟"
    assert [(each.type.removeprefix("hall.emergency_"), each.key) for each in books.events("hall.")][:4] == [
        ("set", everywhere),
        ("set", here),
        ("cleared", here),
        ("cleared", everywhere),
    ]
    assert not any("离开" in str(each.data) for each in books.events("hall."))


def test_an_unknown_emergency_cannot_be_cleared(books: Books) -> None:
    with pytest.raises(Refused, match="no_such_emergency"):
        books.do(emergencies.clear, Clear("x", "王芳", "ops"))
