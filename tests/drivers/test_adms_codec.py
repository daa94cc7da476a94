"""ADMS without a terminal: requests, tables, commands and results as bytes."""

from __future__ import annotations

import contextlib
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import adms_commands as commands
from drivers.adms_tables import Request, card_number, handshake, lines, parse, punch, read, respond, user
from drivers.base import Discarded, Enrolled, ProtocolError, Punched, Rejected
from tests import frames_toml

FRAMES = {frame.name: frame for frame in frames_toml.load("adms")}
CANARY = "王小明SECRET"
AT = datetime(2026, 11, 23, 8, 29, 1)  # noqa: DTZ001
LINE = b"1001\t2026-11-23 08:29:01\t0\t15"


def posted(table: str, body: bytes, more: str = "") -> Request:
    return parse(f"POST /iclock/cdata?SN=S1&table={table}{more} HTTP/1.1\r\n\r\n".encode() + body)


# ---- requests


@pytest.mark.parametrize(
    ("target", "place"),
    [
        ("/iclock/cdata?SN=S1", "cdata"),
        ("/iclock/cdata.aspx?SN=S1", "cdata"),
        ("/iclock/cdata/?SN=S1", "cdata"),
        ("/cdata?sn=S1", "cdata"),
        ("/ICLOCK/GetRequest.aspx?Sn=S1", "getrequest"),
        ("/?SN=S1", ""),
    ],
)
def test_the_ways_firmware_writes_a_path(target: str, place: str) -> None:
    request = parse(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\nbody".encode())
    assert (request.method, request.place, request.query["sn"], request.body) == ("GET", place, "S1", b"body")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"GET /iclock/cdata HTTP/1.1",
        b"GET /iclock/cdata\r\n\r\n",
        b"GET / / HTTP/1.1\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\n\r\n",
        b"GET //[ HTTP/1.1\r\n\r\n",
        b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n\r\n",
        b"GET /?" + b"&".join([b"a=b"] * 65) + b" HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_no_request(raw: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse(raw)


@given(
    st.binary(max_size=80) | st.binary(max_size=40).map(lambda body: b"POST /c?table=ATTLOG HTTP/1.1\r\n\r\n" + body)
)
def test_any_bytes_are_a_request_or_a_protocol_error(raw: bytes) -> None:
    with contextlib.suppress(ProtocolError):
        read(parse(raw), "")


# ---- punches


def test_the_nine_punches_of_the_manual() -> None:
    frame = FRAMES["nine punches"]
    upload = read(parse(frame.raw), "17")
    punches = [event for event in upload.events if isinstance(event, Punched)]
    assert upload.accepted == len(punches) == 9
    assert sorted({each.person for each in punches}) == frame.means["people"]
    assert (punches[0].clock, punches[-1].clock) == (frame.means["first"], frame.means["last"])
    assert {(each.direction, each.mode) for each in punches} == {(frame.means["direction"], frame.means["mode"])}
    assert [each.bookmark for each in punches] == ["17"] * 8 + ["9999"]


@pytest.mark.parametrize("name", ["an empty work code", "a face, ten fields"])
def test_punches_of_others(name: str) -> None:
    frame = FRAMES[name]
    [found] = read(posted("ATTLOG", frame.raw), "").events
    assert isinstance(found, Punched)
    assert {key: getattr(found, key) for key in frame.means} == frame.means


TAILS = [
    b"",
    b"\t",
    b"\t0",
    b"\t0\t0\t0",
    b"\t0\t0\t0\t1\t36.5\t36.5",
    b"\t\t0\t0\t0\t\t\t28800\teyJhIjoxfQ==",
    b"\t0\t0\t0\t110101199003070000\t0",
]


@pytest.mark.parametrize("tail", TAILS)
def test_every_variant_of_columns_is_the_same_record(tail: bytes) -> None:
    assert punch(LINE + tail, "7") == Punched("1001", AT, "0-15", "7", "in", "face")


def test_fewer_columns_than_any_manual_has() -> None:
    assert punch(b"1001\t2026-11-23 08:29:01", "") == Punched("1001", AT, "-", "")
    assert punch(b"1001\t2026-11-23 08:29:01\t255\t", "") == Punched("1001", AT, "255-", "")


@pytest.mark.parametrize(
    ("status", "direction"),
    [(0, "in"), (1, "out"), (2, "out"), (3, "in"), (4, "in"), (5, "out"), (255, "unknown")],
)
def test_directions(status: int, direction: str) -> None:
    found = punch(f"1\t2026-11-23 08:29:01\t{status}\t1".encode(), "")
    assert found is not None
    assert found.direction == direction


MODES = {1: "fingerprint", 2: "unknown", 3: "password", 4: "card", 5: "unknown", 9: "fingerprint", 11: "card"}
MODES |= {15: "face", 20: "face", 21: "unknown", 25: "palm", 29: "palm", 200: "unknown", 0: "unknown"}


@pytest.mark.parametrize(("verify", "mode"), MODES.items())
@pytest.mark.req("ATT-04")
def test_modes(verify: int, mode: str) -> None:
    found = punch(f"1\t2026-11-23 08:29:01\t0\t{verify}".encode(), "")
    assert found is not None
    assert found.mode == mode


@pytest.mark.parametrize(
    "junk",
    [
        b"x",
        b"1 2\t2026-11-23 08:29:01",
        b"1\t2026-02-30 08:00:00\t0\t1",
        b"1\tnow\t0\t1",
        b"\xff\t2026-11-23 08:29:01",
    ],
)
def test_a_line_of_junk_fails_no_batch(junk: bytes) -> None:
    upload = read(posted("ATTLOG", b"TABLE=ATTLOG\r\n" + junk + b"\r\n" + LINE + b"\r\n\r\n"), "")
    assert (upload.accepted, upload.bad, len(upload.events)) == (1, 1, 1)


def test_the_same_record_has_the_same_sequence_however_it_is_sent() -> None:
    alone = read(posted("ATTLOG", LINE + b"\t0\t0\t0", "&Stamp=5"), "").events
    batch = read(posted("attlog", LINE + b"\t0\t0\t0\n1002\t2026-11-23 08:30:00\t0\t1\n", "&Stamp=9"), "5").events
    one, again = alone[0], batch[0]
    assert isinstance(one, Punched)
    assert isinstance(again, Punched)
    assert (one.person, one.clock, one.sequence) == (again.person, again.clock, again.sequence)
    assert read(posted("ATTLOG", LINE.replace(b"\t15", b"\t1")), "").events[0].sequence != one.sequence  # type: ignore[union-attr]


@pytest.mark.parametrize("stamp", ["", "&Stamp=0", "&Stamp=None", "&Stamp=12x", "&Stamp=" + "9" * 30])
def test_a_mark_that_is_none_leaves_the_bookmark(stamp: str) -> None:
    [found] = read(posted("ATTLOG", LINE, stamp), "17").events
    assert isinstance(found, Punched)
    assert found.bookmark == "17"


def test_a_comparison_with_an_identity_card_is_no_punch_and_its_number_is_in_no_event() -> None:
    number = b"110101199003070000"
    body = b"\n".join(LINE + b"\t0\t0\t0\t" + number + kind for kind in (b"\t0", b"\t1"))
    upload = read(posted("ATTLOG", body), "")
    assert upload.events == [Discarded("IDCARD", 1), Punched("1001", AT, "0-15", "", "in", "face")]
    assert upload.accepted == 2
    assert number.decode() not in repr(upload)


# ---- other tables


@pytest.mark.parametrize(
    ("table", "kind", "count"),
    [
        ("BIODATA", "BIODATA", 2),
        ("IDCARD", "IDCARD", 2),
        ("ATTPHOTO", "ATTPHOTO", 1),
        ("fingertmp", "FINGERTMP", 2),
        ("SECRET", "unknown", 2),
        ("OPERLOG&ContentType=tgz", "OPERLOG", 1),
    ],
)
def test_what_is_thrown_away_is_counted_and_in_no_event(table: str, kind: str, count: int) -> None:
    upload = read(posted(table, f"Pin=1\tTmp={CANARY}\nPIN=2\tName={CANARY}\n".encode()), "")
    assert (upload.accepted, upload.events) == (count, [Discarded(kind, count)])


def test_templates_and_photos_between_people_are_thrown_away() -> None:
    words = ["FP", "FACE", "FVEIN", "USERPIC", "BIOPHOTO", "FP"]
    body = "".join(f"{word} PIN=1\tTMP={CANARY}\nUSER PIN={nth}\n" for nth, word in enumerate(words)) + f"{CANARY}\n"
    upload = read(posted("OPERLOG", body.encode()), "")
    assert {event.kind: event.count for event in upload.events if isinstance(event, Discarded)} == {
        "FP": 2, "FACE": 1, "FVEIN": 1, "USERPIC": 1, "BIOPHOTO": 1,
    }  # fmt: skip
    assert (len(upload.people), upload.accepted, upload.bad) == (6, 12, 1)
    assert CANARY not in repr(upload)


def test_the_people_of_the_manual() -> None:
    frame = FRAMES["two people"]
    upload = read(parse(frame.raw), "")
    assert [each.person for each in upload.people] == frame.means["people"]
    assert [each.card for each in upload.people] == frame.means["cards"]
    assert {each.modes for each in upload.people} == {("card",)}


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_names_are_read_in_either_encoding(encoding: str) -> None:
    found = user("PIN=7\tName=王小明\tPasswd=1234\tCard=".encode(encoding))
    assert found == Enrolled("7", "王小明", modes=("password",))
    assert "1234" not in repr(found)
    assert "王" not in repr(found)


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("[15CD5B07]", "123456789"),
        ("123456789", "123456789"),
        ("0", ""),
        ("[00000000]", ""),
        ("", ""),
        ("x", ""),
        ("٣", ""),
    ],
)
def test_cards(said: str, number: str) -> None:
    assert card_number(said) == number


@given(st.lists(st.binary(min_size=1).filter(lambda b: b.strip() and b"\n" not in b and not b.endswith(b"\r"))))
def test_lines(found: list[bytes]) -> None:
    assert list(lines(b"\n".join(found))) == list(lines(b"\r\n".join(found) + b"\n\n")) == found


# ---- the handshake


def settings(bookmark: str = "", offset: int = 480) -> dict[str, str]:
    first, *rest = handshake("S1", bookmark, offset).decode().splitlines()
    assert first == "GET OPTION FROM: S1"
    return dict(line.split("=", 1) for line in rest)


def test_it_is_asked_for_punches_and_for_nothing_of_the_body() -> None:
    asked = settings()
    assert asked["TransFlag"].removeprefix("TransData ").split("\t") == ["AttLog", "OpLog"]
    assert set(asked["MultiBioDataSupport"] + asked["MultiBioPhotoSupport"]) == {"0", ":"}
    assert asked["MultiBioDataSupport"].count(":") == 10
    assert tuple(map(int, asked["PushProtVer"].split("."))) < (2, 4, 0)


@pytest.mark.parametrize(
    ("bookmark", "stamp"), [("", "None"), ("735", "735"), ("7\nC:1:REBOOT", "None"), ("0", "None")]
)
def test_it_goes_on_after_the_bookmark(bookmark: str, stamp: str) -> None:
    asked = settings(bookmark)
    assert asked["ATTLOGStamp"] == asked["Stamp"] == stamp


@pytest.mark.parametrize(
    ("offset", "zone"), [(480, "8"), (330, "330"), (-300, "-5"), (780, "780"), (0, "0"), (345, "345")]
)
def test_zones_are_hours_or_minutes(offset: int, zone: str) -> None:
    assert settings(offset=offset)["TimeZone"] == zone


def test_answers_are_a_status_line_and_a_body() -> None:
    assert respond(b"OK") == b"HTTP/1.1 200 OK\r\n\r\nOK"


# ---- commands


def test_the_packed_time_of_the_manual() -> None:
    frame = FRAMES["a packed time"]
    assert commands.set_clock(frame.means["local"]) == b"SET OPTION DateTime=" + frame.raw


def test_a_person_is_written_in_the_terminals_encoding() -> None:
    words = commands.write_person(Enrolled("1001", "王小明", card="123"), "gb18030")
    assert words == b"DATA UPDATE USERINFO PIN=1001\tName=" + "王小明".encode("gbk") + b"\tCard=123"
    assert commands.write_person(Enrolled("1001"), "utf-8") == b"DATA UPDATE USERINFO PIN=1001"


@pytest.mark.parametrize(
    ("person", "reason"),
    [
        (Enrolled("1\tPri=14"), "bad_person"),
        (Enrolled(""), "bad_person"),
        (Enrolled("1", "a\tPri=14"), "bad_name"),
        (Enrolled("1", "a\nC:1:REBOOT"), "bad_name"),
        (Enrolled("1", card="1\t"), "bad_card"),
        (Enrolled("1", enabled=False), "not_supported"),
    ],
)
def test_nothing_is_smuggled_into_a_command(person: Enrolled, reason: str) -> None:
    with pytest.raises(Rejected) as caught:
        commands.write_person(person, "utf-8")
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"ID=a1&Return=0&CMD=DATA\n", [("a1", 0)]),
        (b"ID=a1&Return=0&CMD=DATA\nID=b2&Return=-1002&CMD=SET OPTION", [("a1", 0), ("b2", -1002)]),
        (b"ID=a1&CMD=DATA&Return=-10\r\n", [("a1", -10)]),
        (b"ID=a1\nReturn=12\nCMD=GetFile", [("a1", 12)]),
        (b"ID=a1&Return=0&CMD=INFO\n~SerialNumber=S1\nID=x", [("a1", 0)]),
        (b"ID=" + b"a" * 17 + b"&Return=0", []),
        (b"", []),
        (b"\xff\0", []),
    ],
)
def test_results(body: bytes, found: list[tuple[str, int]]) -> None:
    assert commands.results(body) == found


@given(st.binary(max_size=200))
def test_any_bytes_are_results(body: bytes) -> None:
    assert all(len(name) <= 16 for name, _ in commands.results(body))
