"""ISAPI without a terminal: the multipart stream, events, times, people and refusals."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import hikvision_records as records
from drivers.base import Enrolled, Misconfigured, ProtocolError, Rejected, Unreachable
from drivers.hikvision_records import Mark, document, judge, of_alert, of_search
from drivers.hikvision_stream import LONGEST_PART, OTHER, PICTURE, Decoder, boundary
from tests import frames_toml

FRAMES = {frame.name: frame for frame in frames_toml.load("hikvision")}
CHINA = timedelta(hours=8)
JPEG = b"\xff\xd8\xff\xe0" + b"FACE" * 50 + b"\r\n--MIME_bound\xff\xd9"
ONE, TWO = b'{"a": 1}', b'{"b": {"c": "}"}}'


def part(body: bytes, kind: str = "application/json", *, length: int | None = None, counted: bool = True) -> bytes:
    size = f"Content-Length: {len(body) if length is None else length}\r\n" if counted else ""
    return f"--MIME_boundary\r\nContent-Type: {kind}\r\n{size}\r\n".encode() + body + b"\r\n"


def decode(pieces: tuple[bytes, ...]) -> list[bytes | str]:
    decoder = Decoder(b"MIME_boundary")
    return [found for piece in pieces for found in decoder.feed(piece)]


# ---- the stream


@pytest.mark.parametrize("counted", [True, False])
def test_parts_come_out_however_the_line_cuts_them(counted: bool) -> None:
    stream = part(ONE, counted=counted) + part(JPEG, "image/jpeg", counted=counted) + part(TWO, counted=counted)
    stream += part(b"<a/>", "application/xml") + part(b"??", "application/octet-stream", counted=counted)
    for pieces in frames_toml.splits(stream + b"--MIME_boundary--\r\n" + part(ONE)):
        assert decode(pieces) == [ONE, PICTURE, TWO, b"<a/>", OTHER, ONE]


def test_the_public_multipart() -> None:
    frame = FRAMES["a face and its picture"]
    for pieces in frames_toml.splits(frame.raw):
        text, picture = decode(pieces)
        assert picture == PICTURE
        assert isinstance(text, bytes)
        assert document(text)["eventType"] == "AccessControllerEvent"


@pytest.mark.parametrize("cut", range(1, len(JPEG)))
def test_a_picture_that_is_cut_off_costs_nothing(cut: int) -> None:
    stream = part(ONE) + part(JPEG, "image/jpeg")
    assert decode((stream[: -len(JPEG) - 2 + cut],)) == [ONE, PICTURE]


def test_without_a_length_an_event_is_told_before_the_next_begins() -> None:
    assert decode((part(TWO, counted=False).rstrip(),)) == [TWO]


def test_noise_between_parts() -> None:
    for noisy in frames_toml.noisy(part(ONE), [b"\r\n\r\n", b"noise", b"--MIME", b"\0" * 99]):
        assert decode((noisy,)) == [ONE]


@pytest.mark.parametrize("counted", [True, False])
def test_a_picture_is_never_kept(counted: bool) -> None:
    decoder = Decoder(b"MIME_boundary")
    decoder.feed(part(b"", "image/jpeg", length=10_000_000, counted=counted))
    for _ in range(100):
        assert decoder.feed(b"x" * 65536) == []
        assert len(decoder._buffer) < 100


@pytest.mark.parametrize(
    "stream", [part(b"", length=LONGEST_PART + 1), part(b"{", counted=False), b"--MIME_boundary\r\nX: "]
)
def test_a_text_or_a_head_that_never_ends_is_given_up(stream: bytes) -> None:
    decoder = Decoder(b"MIME_boundary")
    decoder.feed(stream)
    for _ in range(100):
        decoder.feed(b"x" * 4096)
        assert len(decoder._buffer) <= LONGEST_PART + 4096
    assert decoder.bad_frames == 1
    assert len(decoder._buffer) < 100


@given(
    st.lists(
        st.binary(max_size=60) | st.sampled_from([b"--MIME_boundary", b"\r\n\r\n", part(ONE), b"Content-Length: 5"])
    )
)
def test_any_bytes_are_parts_or_noise(pieces: list[bytes]) -> None:
    for found in decode(tuple(pieces)):
        assert isinstance(found, bytes) or found in (PICTURE, OTHER)


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("multipart/mixed; boundary=MIME_boundary", b"MIME_boundary"),
        ('multipart/x-mixed-replace;charset=utf-8; boundary="a b"', b"a b"),
        ("Multipart/Mixed; Boundary=--myboundary", b"myboundary"),
    ],
)
def test_boundaries(said: str, name: bytes) -> None:
    assert boundary(said) == name


@pytest.mark.parametrize(
    "said", ["", "application/json", "multipart/mixed", "multipart/mixed; boundary=--", "multipart/mixed; boundary=界"]
)
def test_what_is_no_multipart(said: str) -> None:
    with pytest.raises(ProtocolError):
        boundary(said)


# ---- events


def meaning(record: records.Record | None) -> dict[str, Any]:
    assert record is not None
    told = record.punched("")
    return {key: getattr(told, key) for key in ("person", "clock", "sequence", "direction", "mode", "live")}


def test_a_finger_a_face_and_a_page_of_the_memory() -> None:
    finger, page = FRAMES["a finger"], FRAMES["a page of the memory"]
    assert meaning(of_alert(document(finger.raw), CHINA)) == finger.means
    assert meaning(of_search(document(page.raw)["AcsEvent"]["InfoList"][0], CHINA)) == page.means
    picture = FRAMES["a face and its picture"]
    text = decode((picture.raw,))[0]
    assert isinstance(text, bytes)
    assert meaning(of_alert(document(text), CHINA)) == picture.means


def test_what_is_no_punch() -> None:
    record = of_alert(document(FRAMES["a door closes"].raw), CHINA)
    assert record is not None
    assert (record.mode, record.kind) == (None, FRAMES["a door closes"].means["ignored"])
    assert of_alert(document(FRAMES["a heartbeat"].raw), CHINA) is None


def alert(minor: int, **more: Any) -> dict[str, Any]:
    inner = {"majorEventType": 5, "subEventType": minor, "employeeNoString": "7", "serialNo": 1, **more}
    time = "2026-11-23T08:29:01+08:00"
    return {"eventType": "AccessControllerEvent", "dateTime": time, "AccessControllerEvent": inner}


@pytest.mark.req("ATT-04")
def test_only_faces_fingers_and_cards_that_were_recognised_are_punches() -> None:
    modes = {minor: record.mode for minor in range(256) if (record := of_alert(alert(minor), CHINA)) is not None}
    assert {minor: mode for minor, mode in modes.items() if mode} == {
        1: "card", 2: "card", 38: "fingerprint", 69: "fingerprint",
        54: "face", 57: "face", 60: "face", 75: "face", 77: "face",
    }  # fmt: skip


@pytest.mark.parametrize("more", [{"employeeNoString": ""}, {"employeeNoString": ["x"]}, {"majorEventType": 2}])
def test_nobodys_event_is_no_punch(more: dict[str, Any]) -> None:
    record = of_alert(alert(75, **more), CHINA)
    assert record is not None
    assert record.mode is None


@pytest.mark.parametrize(
    "status", ["checkIn", "breakIn", "overtimeIn", "checkOut", "breakOut", "overtimeOut", "undefined", None, 3]
)
def test_directions(status: Any) -> None:
    record = of_alert(alert(75, attendanceStatus=status), CHINA)
    assert record is not None
    wanted = "in" if str(status).endswith("In") else "out" if str(status).endswith("Out") else "unknown"
    assert record.direction == wanted


def test_a_replayed_event_is_not_live_and_xml_says_the_same() -> None:
    leaves = "".join(f"<{key}>{value}</{key}>" for key, value in alert(75)["AccessControllerEvent"].items())
    xml = (
        '<?xml version="1.0"?><EventNotificationAlert xmlns="http://www.isapi.org/ver20/XMLSchema">'
        "<dateTime>2026-11-23T08:29:01+08:00</dateTime><eventType>AccessControllerEvent</eventType>"
        f"<AccessControllerEvent>{leaves}<currentEvent>false</currentEvent></AccessControllerEvent></EventNotificationAlert>"
    )
    replayed = of_alert(alert(75, currentEvent=False), CHINA)
    assert (
        replayed
        == of_alert(document(xml.encode()), CHINA)
        == of_alert({"EventNotificationAlert": alert(75, currentEvent=False)}, CHINA)
    )
    assert replayed is not None
    assert not replayed.live


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{", b"[" * 60_000, b"\xff", b"<a", b'<!DOCTYPE a [<!ENTITY b "c">]><a/>', b"null"]
)
def test_what_is_no_document(raw: bytes) -> None:
    with pytest.raises(ProtocolError):
        document(raw)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["2026-01-01T00:00:00", "AccessControllerEvent"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                [
                    "eventType",
                    "dateTime",
                    "AccessControllerEvent",
                    "majorEventType",
                    "subEventType",
                    "time",
                    "major",
                    "minor",
                ]
            )
            | st.sampled_from(
                ["employeeNoString", "serialNo", "attendanceStatus", "currentEvent", "localTime", "subStatusCode"]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)


@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()), st.integers(200, 599))
def test_any_document_is_read_or_refused(raw: bytes, status: int) -> None:
    with contextlib.suppress(ProtocolError):
        found = document(raw)
        for record in (of_alert(found, CHINA), of_search(found, CHINA)):
            assert record is None or record.punched(str(record.mark)).person == record.person
        records.enrolled(found)
        records.clock(raw)
    with contextlib.suppress(Misconfigured, Rejected, Unreachable):
        judge(status, raw)


# ---- bookmarks

AT = datetime(2026, 11, 23, 0, 29, 1, tzinfo=UTC)


@given(st.integers(0, 10**12), st.datetimes(datetime(1971, 1, 1), datetime(2099, 1, 1)))  # noqa: DTZ001
def test_a_bookmark_is_read_as_it_was_written(serial: int, at: datetime) -> None:
    mark = Mark(at.replace(microsecond=0, tzinfo=UTC), serial)
    assert Mark.read(str(mark)) == mark


@pytest.mark.parametrize(
    "bookmark", ["", "x", "7", "7 x", "7 0001-01-01T00:00:00+08:00", "x 9999-12-31T23:59:59-08:00"]
)
def test_any_other_bookmark_is_the_beginning(bookmark: str) -> None:
    assert Mark.read(bookmark) == Mark(records.BEGINNING, 0)


@pytest.mark.parametrize(
    ("seconds", "serial", "stored"),
    [
        (0, 10, True),
        (-5, 9, True),
        (0, 11, False),
        (5, 11, False),
        (-5, 11, False),  # its clock was set back
        (5, 1, False),  # its numbers began anew
        (-5, None, True),
        (0, None, False),
    ],
)
def test_what_is_stored_already(seconds: int, serial: int | None, stored: bool) -> None:
    record = records.Record("5/75", AT + timedelta(seconds=seconds), serial, "7", "face", "unknown", False)
    assert record.stored(Mark(AT, 10)) is stored


# ---- clock, people, refusals


def test_times_are_read_and_written_as_others_do() -> None:
    read, written = FRAMES["the time"], FRAMES["the time is set"]
    assert records.clock(read.raw) == read.means["shown"]
    ours = records.set_clock(written.means["local"], timedelta(minutes=written.means["offset"]))
    assert {k: v for k, v in document(ours).items() if v} == {k: v for k, v in document(written.raw).items() if v}
    assert records.clock(ours) == written.means["local"]


@pytest.mark.parametrize(("minutes", "zone"), [(480, "CST-8:00:00"), (-210, "CST+3:30:00"), (0, "CST-0:00:00")])
def test_zones_are_the_other_way_round(minutes: int, zone: str) -> None:
    assert document(records.set_clock(datetime(2026, 1, 1), timedelta(minutes=minutes)))["timeZone"] == zone  # noqa: DTZ001


def test_who_is_changed_keeps_what_is_not_said() -> None:
    before = {
        "employeeNo": "7",
        "name": "A",
        "userType": "admin",
        "Valid": {"enable": True, "endTime": "2030-01-01T00:00:00"},
    }
    changed = records.user(Enrolled("7", enabled=False), before)
    assert changed == {
        "employeeNo": "7",
        "userType": "admin",
        "Valid": {"enable": False, "endTime": "2030-01-01T00:00:00"},
    }
    added = records.user(Enrolled("7", "王小明"), None)
    assert added["name"] == "王小明"
    assert added["Valid"]["endTime"] < "2038"


def test_people() -> None:
    said = {
        "employeeNo": "7",
        "name": "王小明",
        "Valid": {"enable": False},
        "numOfFace": 1,
        "numOfFP": 2,
        "numOfCard": 0,
    }
    assert records.enrolled(said) == Enrolled("7", "王小明", enabled=False, modes=("face", "fingerprint"))
    assert records.enrolled({"name": "x"}) is None


@pytest.mark.parametrize(("person", "name"), [("", ""), ("1 2", ""), ("1", "a\n"), ("1", "x" * 33)])
def test_what_cannot_be_written_is_rejected(person: str, name: str) -> None:
    with pytest.raises(Rejected):
        records.user(Enrolled(person, name), None)


def refusal(word: str) -> bytes:
    return json.dumps({"statusCode": 4, "statusString": "Invalid Operation", "subStatusCode": word}).encode()


@pytest.mark.parametrize(
    ("status", "body", "error", "reason"),
    [
        (401, b"", Misconfigured, None),
        (403, b"", Misconfigured, None),
        (404, b"", Misconfigured, None),
        (307, b"", Misconfigured, None),
        (403, refusal("lowPrivilege"), Misconfigured, None),
        (403, refusal("notSupport"), Rejected, "not_supported"),
        (500, refusal("notSupport"), Rejected, "not_supported"),
        (400, b"<ResponseStatus><subStatusCode>deviceBusy</subStatusCode></ResponseStatus>", Rejected, "busy"),
        (400, refusal("badJsonContent"), Rejected, "refused"),
        (400, refusal("王小明 7"), Rejected, "refused"),
        (503, b"", Rejected, "busy"),
        (500, b"", Unreachable, None),
    ],
)
def test_refusals(status: int, body: bytes, error: type[Exception], reason: str | None) -> None:
    with pytest.raises(error) as caught:
        judge(status, body)
    assert getattr(caught.value, "reason", None) == reason
    assert "王" not in str(caught.value)


def test_what_is_taken_is_no_refusal() -> None:
    judge(200, b"")
