"""A card on the reader of a kiosk: who stands there, for how long that is known, and what it opens; nothing is kept."""

from __future__ import annotations

import asyncio
import logging
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base import CardRead, CardUnread, IdCard
from edge import hall as halls
from edge.access import tokens
from edge.access.vault import Vault
from edge.clock import Clock
from edge.devices.cards import Cards, Unread, Visitor, age
from edge.queue.persons import Person
from edge.refusal import Refused
from tests.hall import DAY_S, Running, Wall, World, demo_hall, running, without_devices

pytestmark = pytest.mark.looptime

READER = """
[[device]]
id = "reader-1"
name = "1号取号机的身份证阅读器"
driver = "idcard"
link = "serial://{data}/wire/reader-1?baud=115200"

[[kiosk]]
id = "2"
name = "2号取号机"
zone = "guide"
reader = "reader-2"

[[device]]
id = "reader-2"
name = "2号取号机的身份证阅读器"
driver = "idcard"
link = "serial://{data}/wire/reader-2?baud=115200"

[[kiosk]]
id = "3"
name = "3号取号机"
zone = "guide"
"""
OLD, YOUNG = "wang_xiuying", "zhang_wei"  # born 1948 and 1991
NUMBERS = ("11019919480612002X", "110199199103150014")
NAMES = ("王秀英", "张伟")
VAULT = Vault(b"k" * 32)


def readers_only(text: str) -> str:
    """Two kiosks with a reader each and one without; no other device."""
    rest = re.sub(r"(?ms)^\[sms\].*?(?=^\[)", "", without_devices(text))
    return rest.replace('name = "1号取号机"\n', 'name = "1号取号机"\nreader = "reader-1"\n') + READER


def laid_on(number: str = NUMBERS[0], name: str = NAMES[0], until: date | None = None) -> CardRead:
    born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    return CardRead(0, IdCard(name, number, born, "female", until))


@pytest.fixture
def cards(tmp_path: Path) -> Cards:
    hall = demo_hall(tmp_path, readers_only)
    return Cards(hall, VAULT, Clock(hall.zone_info, Wall()))


def lay(cards: Cards, event: CardRead | CardUnread, kiosk: str = "1") -> None:
    cards.card(reader(f"reader-{kiosk}"), event)


def reader(id_: str) -> halls.Device:
    return halls.Device(id=id_, name="", driver="idcard", link="")


# ---- one reader


@pytest.mark.req("IDR-01", "SEC-04")
async def test_of_a_card_only_mark_age_and_masked_name_are_kept(cards: Cards) -> None:
    lay(cards, laid_on(until=date(2026, 3, 1)))
    reading = await cards.wait("1", None)
    assert isinstance(reading, Visitor)
    assert reading.person == Person(VAULT.mark("id", NUMBERS[0]), 77)
    assert (reading.name, reading.expired) == ("王**", True)
    kept = repr(vars(cards)) + "".join(str(getattr(reading, field)) for field in Visitor.__slots__)
    assert not [each for each in (NUMBERS[0], NAMES[0], "1948") if each in kept]
    assert not [each for each in (reading.handle, reading.person.mark, reading.name) if each in repr(reading)]


@pytest.mark.parametrize(("until", "expired"), [(None, False), (date(2026, 3, 2), False), (date(2026, 3, 1), True)])
async def test_a_card_is_good_on_its_last_day(cards: Cards, until: date | None, expired: bool) -> None:
    lay(cards, laid_on(until=until))
    reading = await cards.wait("1", None)
    assert isinstance(reading, Visitor)
    assert reading.expired == expired


async def test_it_is_forgotten_after_ninety_seconds(cards: Cards) -> None:
    lay(cards, laid_on())
    reading = await cards.wait("1", None)
    assert isinstance(reading, Visitor)
    await asyncio.sleep(89.9)
    assert cards.find(reading.handle, "1") is reading
    await asyncio.sleep(0.2)
    with pytest.raises(Refused, match="card_gone") as refused:
        cards.find(reading.handle, "1")
    assert (refused.value.title, refused.value.status) == ("请重新刷身份证", 409)
    assert not cards._readings


async def test_the_next_card_takes_its_place_and_stays_its_own_time(cards: Cards) -> None:
    lay(cards, laid_on())
    first = await cards.wait("1", None)
    await asyncio.sleep(60)
    lay(cards, laid_on(NUMBERS[1], NAMES[1]))
    second = await cards.wait("1", first.tag if first else None)
    assert isinstance(first, Visitor)
    assert isinstance(second, Visitor)
    with pytest.raises(Refused, match="card_gone"):
        cards.find(first.handle, "1")
    await asyncio.sleep(60)
    assert cards.find(second.handle, "1") is second


async def test_who_lays_the_same_card_on_again_keeps_the_handle(cards: Cards) -> None:
    lay(cards, laid_on())
    first = await cards.wait("1", None)
    await asyncio.sleep(60)
    lay(cards, laid_on())
    assert isinstance(first, Visitor)
    second = await cards.wait("1", first.tag)
    assert isinstance(second, Visitor)
    await asyncio.sleep(60)
    assert cards.find(first.handle, "1") is second


async def test_a_card_opens_its_own_kiosk_only(cards: Cards) -> None:
    lay(cards, laid_on(), "2")
    reading = await cards.wait("2", None)
    assert isinstance(reading, Visitor)
    assert cards.find(reading.handle, None) is reading
    for handle, kiosk in ((reading.handle, "1"), ("guess", "2"), ("", None), (reading.tag, "2")):
        with pytest.raises(Refused, match="card_gone"):
            cards.find(handle, kiosk)


@pytest.mark.parametrize("reason", ["unreadable", "unsupported_document", "bad_number"])
async def test_a_card_that_was_not_read_says_so_to_the_visitor(cards: Cards, reason: Any) -> None:
    lay(cards, laid_on())
    lay(cards, CardUnread(0, reason))
    reading = await cards.wait("1", None)
    assert isinstance(reading, Unread)
    assert reading.reason == reason
    assert re.fullmatch(r"[\u4e00-\u9fff，]{10,40}", reading.words)


async def test_whoever_waits_gets_the_next_reading_of_their_kiosk(cards: Cards) -> None:
    lay(cards, laid_on())
    first = await cards.wait("1", None)
    assert first is not None
    waiting = asyncio.create_task(cards.wait("1", first.tag))
    lay(cards, laid_on(), "2")
    await asyncio.sleep(5)
    assert not waiting.done()
    lay(cards, laid_on())
    second = await waiting
    assert second is not None
    assert second.tag != first.tag


async def test_whoever_waits_is_let_go_when_the_service_ends(cards: Cards) -> None:
    waiting = [asyncio.create_task(cards.wait(kiosk, None)) for kiosk in ("1", "2")]
    await asyncio.sleep(1)
    cards.close()
    assert await asyncio.gather(*waiting) == [None, None]
    lay(cards, laid_on())
    assert await cards.wait("1", None) is None


async def test_a_reader_of_no_kiosk_is_not_listened_to(cards: Cards) -> None:
    cards.card(reader("stray"), laid_on())
    assert not cards._readings


@pytest.mark.req("QUE-10")
@given(st.dates(date(1900, 1, 1), date(2020, 1, 1)), st.dates(date(2020, 1, 2), date(2100, 1, 1)))
def test_age_is_in_full_years(born: date, today: date) -> None:
    years = age(born, today)
    assert (born.month, born.day) != (today.month, today.day) or years == today.year - born.year
    birthdays = [born.year + n for n in range(1, 201) if (born.year + n, born.month, born.day) <= today.timetuple()[:3]]
    assert years == len(birthdays)


# ---- at the kiosk


async def laid(hall: Running, card: str = OLD, kiosk: str = "1", after: str = "") -> Any:
    """What the kiosk is told once this card lies on its reader; it is taken away again."""
    hall.world.simulator(f"reader-{kiosk}").control(f"lay:{card}")
    told = await hall.get(f"/kiosks/{kiosk}/card?wait=25&after={after}")
    hall.world.simulator(f"reader-{kiosk}").control("take")
    await asyncio.sleep(4)
    return told


@pytest.mark.req("IDR-01", "IDR-02", "QUE-09", "QUE-10")
async def test_a_card_gives_one_ticket_with_its_priority(tmp_path: Path) -> None:
    async with running(World(tmp_path, readers_only)) as hall:
        await hall.issue(kiosk="1")
        told = await laid(hall)
        assert (told["name"], told["priority"], told["priority_words"]) == ("王**", "senior", "老年人优先")
        assert (told["tickets"], told["appointments"], told["expired_card"]) == ([], [], False)
        ticket = await hall.issue(kiosk="1", card=told["card"])
        assert (ticket["priority"], ticket["existing"], ticket["ahead"]) == ("senior", False, 0)
        again = await hall.post("/tickets", 200, service="pension", kiosk="1", card=told["card"])
        assert (again["id"], again["existing"]) == (ticket["id"], True)
        told = await laid(hall, after=told["after"])
        mine = {"id": ticket["id"], "number": ticket["number"], "service": "pension", "name": "养老保险"}
        assert told["tickets"] == [mine | {"state": "waiting", "state_words": "等候中"}]
        young = await laid(hall, YOUNG, after=told["after"])
        assert (young["priority"], young["tickets"]) == (None, [])


async def test_a_card_shows_todays_bookings_and_redeems_them(tmp_path: Path) -> None:
    async with running(World(tmp_path, readers_only)) as hall:
        booking: dict[str, Any] = {"service": "transfer", "from": "09:00", "to": "10:00", "channel": "online"}
        booking["id_number"] = NUMBERS[1]
        booked = await hall.post("/appointments", 201, day="2026-03-02", **booking)
        await hall.post("/appointments", 201, day="2026-03-03", **booking)
        told = await laid(hall, YOUNG)
        mine = {"id": booked["id"], "service": "transfer", "name": "不动产转移登记", "time": "09:00–10:00"}
        assert told["appointments"] == [mine]
        other = await laid(hall, OLD, "2")
        check_in = {"id": booked["id"], "kiosk": "2", "card": other["card"]}
        await hall.post("/appointments/check-in", 404, **check_in)
        ticket = await hall.post("/appointments/check-in", 201, id=booked["id"], kiosk="1", card=told["card"])
        assert (ticket["priority"], ticket["service"]["id"]) == ("appointment", "transfer")
        shown = await laid(hall, YOUNG, after=told["after"])
        assert (shown["appointments"], [each["id"] for each in shown["tickets"]]) == ([], [ticket["id"]])


@pytest.mark.parametrize(
    ("card", "reason"),
    [("damaged", "unreadable"), ("permit_y", "unsupported_document"), ("zhou_ming", "bad_number")],
)
async def test_a_kiosk_is_told_what_is_wrong_with_a_card(tmp_path: Path, card: str, reason: str) -> None:
    async with running(World(tmp_path, readers_only)) as hall:
        told = await laid(hall, card)
        assert (set(told), told["problem"]["reason"]) == ({"after", "problem"}, reason)
        assert (await hall.api.get(f"/api/v1/kiosks/1/card?wait=1&after={told['after']}")).status_code == 204


async def test_without_a_card_a_kiosk_waits_as_long_as_it_asked_and_no_longer(tmp_path: Path) -> None:
    async with running(World(tmp_path, readers_only)) as hall:
        loop = asyncio.get_running_loop()
        for wait in (0, 7.5, 25):
            since = loop.time()
            assert (await hall.api.get(f"/api/v1/kiosks/1/card?wait={wait}")).status_code == 204
            assert wait <= loop.time() - since < wait + 1
        for path, code in (("1/card?wait=26", 422), ("3/card", 404), ("9/card", 404)):
            assert (await hall.api.get(f"/api/v1/kiosks/{path}")).status_code == code


async def test_a_kiosk_that_waits_holds_no_connection_to_the_database(tmp_path: Path) -> None:
    async with running(World(tmp_path, readers_only)) as hall:
        waiting = [asyncio.create_task(hall.api.get("/api/v1/kiosks/1/card?wait=20")) for _ in range(60)]
        await asyncio.sleep(5)
        pool: Any = hall.parts.database.reading.pool
        assert pool.checkedout() == 0
        hall.parts.cards.close()
        assert {answer.status_code for answer in await asyncio.gather(*waiting)} == {204}


async def test_an_unknown_or_old_card_gives_nothing(tmp_path: Path) -> None:
    async with running(World(tmp_path, readers_only)) as hall:
        told = await laid(hall)
        for body in ({"card": "guess"}, {"card": told["card"], "kiosk": "2"}):
            refused = await hall.post("/tickets", 409, **{"service": "pension", "kiosk": "1"} | body)
            assert refused["title"] == "请重新刷身份证"
        await asyncio.sleep(90)
        await hall.post("/tickets", 409, service="pension", kiosk="1", card=told["card"])
        await hall.post("/appointments/check-in", 409, id="x", kiosk="1", card=told["card"])
        assert not hall.events("ticket.")
        await hall.issue(kiosk="1")


async def test_a_kiosks_token_sees_its_own_reader_only(tmp_path: Path) -> None:
    change = lambda text: readers_only(text).replace("demo = true", "demo = false")  # noqa: E731
    async with running(World(tmp_path, change)) as hall:
        await hall.parts.writer.do(tokens.enrol, tokens.Enrol("k1", "kiosk", "kiosk-1", "1"))
        mine = {"Authorization": "Bearer k1"}
        for kiosk, code in (("1", 204), ("2", 403)):
            answer = await hall.api.get(f"/api/v1/kiosks/{kiosk}/card?wait=0", headers=mine)
            assert answer.status_code == code
        for body in ({"code": "x"}, {"code": "x", "kiosk": "2"}):
            answer = await hall.api.post("/api/v1/appointments/check-in", json=body, headers=mine)
            assert answer.status_code == 403


# ---- nothing is kept


@pytest.mark.req("SEC-04")
async def test_neither_number_name_nor_phone_is_in_any_file_or_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    phone = "13812345678"
    async with running(World(tmp_path, readers_only)) as hall:
        when: dict[str, Any] = {"day": "2026-03-02", "from": "09:00", "to": "10:00"}
        whose: dict[str, Any] = {"channel": "online", "id_number": NUMBERS[0], "phone": phone}
        booked = await hall.post("/appointments", 201, {"Idempotency-Key": "b"}, service="medical", **when, **whose)
        await hall.post("/appointments", 201, service="household", **when, **whose)
        told = await laid(hall)
        here = {"kiosk": "1", "card": told["card"]}
        await hall.post("/tickets", 201, {"Idempotency-Key": "t"}, service="pension", **here)
        await hall.post("/tickets", 200, service="pension", **here)
        await hall.post("/appointments/check-in", 201, id=booked["id"], **here)
        await hall.post("/appointments/check-in", 404, number="000000", phone_tail="5678")
        await laid(hall, "zhou_ming", after=told["after"])
        mark = hall.parts.vault.mark("id", NUMBERS[0])
        assert found_in(tmp_path, mark), "what is in the file can be found there"
        for secret in (*NUMBERS, *NAMES, phone, "110199198001010058"):
            assert not found_in(tmp_path, secret), secret
            assert secret not in caplog.text
        assert mark not in caplog.text
        assert told["card"] not in caplog.text
        journal = str([(event.data, event.key, event.actor) for event in hall.events()])
        assert not [each for each in (mark, told["name"], told["card"], booked["number"]) if each in journal]
        hall.world.wall.at += DAY_S
        await hall.until(lambda: not rows(hall, "SELECT 1 FROM person_ticket"), within=200)
        assert not rows(hall, "SELECT 1 FROM appointment WHERE mark IS NOT NULL OR phone_mark IS NOT NULL")
        assert {row[0] for row in rows(hall, "SELECT state FROM appointment")} == {"checked_in", "missed"}


def found_in(folder: Path, secret: str) -> list[str]:
    """The files that hold it as text of any encoding that something here writes."""
    forms = [secret.encode(), secret.encode("utf-16-le"), secret.encode("gb18030")]
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "hall.toml"]
    return sorted(path.name for path in files if any(form in path.read_bytes() for form in forms))


def rows(hall: Running, sql: str) -> list[Any]:
    with hall.parts.database.read() as connection:
        return list(connection.exec_driver_sql(sql))


async def test_persons_are_kept_while_the_centre_is_away_and_forgotten_when_it_has_come_back(tmp_path: Path) -> None:
    world = World(tmp_path, readers_only)
    world.centre.away = True
    async with running(world) as hall:
        told = await laid(hall)
        await hall.issue(kiosk="1", card=told["card"])
        world.wall.at += DAY_S
        await hall.until(lambda: hall.events("ticket.cancelled"))
        await asyncio.sleep(300)
        assert rows(hall, "SELECT 1 FROM person_ticket")
        world.centre.away = False
        await hall.until(lambda: not rows(hall, "SELECT 1 FROM person_ticket"), within=200)
