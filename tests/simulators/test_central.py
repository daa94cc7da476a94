"""The simulated centre: each event once, order errors seen, and really away when it is away."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.central import Central, CentralServer, NotAnEvent, OrderError, make_app

# source: the example of the CloudEvents 1.0 JSON format, with our two extension attributes
EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "type": "com.example.someevent",
    "source": "/mycontext",
    "id": "A234-1234-1234",
    "time": "2018-04-05T17:31:00Z",
    "datacontenttype": "text/xml",
    "data": '<much wow="xml"/>',
}
HEADERS = {"content-type": "application/cloudevents+json; charset=UTF-8"}


def event(seq: int, key: str = "ticket:1", source: str = "demo") -> dict[str, Any]:
    return EVENT | {"source": source, "id": f"{source}/1/{seq}", "key": key, "seq": seq}


@pytest.fixture
def central(tmp_path: Path) -> Central:
    return Central(tmp_path / "data" / "received.jsonl")


@pytest.fixture
async def client(central: Central) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(make_app(central))
    async with httpx.AsyncClient(transport=transport, base_url="http://central") as client:
        yield client


@given(numbers=st.lists(st.integers(1, 30), max_size=60), restart=st.integers(0, 60))
def test_whatever_repeats_each_event_is_stored_once_also_over_a_restart(numbers: list[int], restart: int) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "received.jsonl"
        central = Central(path)
        seen: set[int] = set()
        for nth, number in enumerate(numbers):
            if nth == restart:
                central = Central(path)
            assert central.receive(event(number)) == ("duplicate" if number in seen else "stored")
            seen.add(number)
        stored = [json.loads(line)["seq"] for line in path.read_text().splitlines()]
        assert stored == list(dict.fromkeys(numbers))
        assert Central(path).received == len(seen)


@given(seqs=st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 20)), max_size=40))
def test_an_order_error_is_a_new_event_that_is_not_above_all_before_it_under_its_key(
    seqs: list[tuple[str, int]],
) -> None:
    expected, top, known = [], {"a": 0, "b": 0}, set()
    with TemporaryDirectory() as folder:
        central = Central(Path(folder) / "received.jsonl")
        for nth, (key, seq) in enumerate(seqs):
            repeated = (key, seq) in known and nth % 2 == 0
            number = f"{key}-{seq}" if repeated else f"{key}-{seq}-{nth}"
            verdict = central.receive(EVENT | {"id": number, "key": key, "seq": seq})
            if verdict == "stored" and seq <= top[key]:
                expected.append(OrderError(key, seq, top[key]))
            top[key] = max(top[key], seq)
            known.add((key, seq))
        assert central.order_errors == expected


def test_rising_numbers_under_one_key_are_in_order_and_keys_and_halls_are_independent(central: Central) -> None:
    for each in (event(1), event(5), event(2, key="ticket:2"), event(3, source="other"), event(9)):
        central.receive(each)
    assert central.order_errors == []
    central.receive(event(8))
    assert central.order_errors == [OrderError("ticket:1", 8, 9)]
    assert central.by_type == {"com.example.someevent": 6}


def test_a_repeat_of_an_old_event_is_a_duplicate_and_no_order_error(central: Central) -> None:
    for seq in (1, 2, 1, 2):
        central.receive(event(seq))
    assert (central.received, central.duplicates, central.order_errors) == (2, 2, [])


def test_a_half_written_last_line_is_forgotten_and_may_come_again(central: Central, tmp_path: Path) -> None:
    path = tmp_path / "data" / "received.jsonl"
    for seq in (1, 2):
        central.receive(event(seq))
    path.write_bytes(path.read_bytes()[:-20])
    again = Central(path)
    assert again.received == 1
    assert again.receive(event(2)) == "stored"
    assert Central(path).received == 2


def test_memory_holds_only_the_last_events_but_knows_all_of_them(central: Central) -> None:
    for seq in range(1, 501):
        central.receive(event(seq))
    assert len(central.events) == 200
    assert central.events[-1]["seq"] == 500
    assert central.receive(event(1)) == "duplicate"


@pytest.mark.parametrize(
    "change",
    [
        {"specversion": "0.3"},
        {"id": ""},
        {"id": 7},
        {"source": None},
        {"type": ""},
        {"key": 3},
        {"seq": "x"},
        {"seq": True},
        {"seq": 1.5},
        {"time": "yesterday"},
        {"time": "2018-04-05T17:31:00"},
    ],
)
def test_what_is_no_event_is_not_stored(central: Central, change: dict[str, Any]) -> None:
    with pytest.raises(NotAnEvent):
        central.receive(EVENT | change)
    assert central.received == 0


async def test_http_says_stored_then_duplicate(client: httpx.AsyncClient) -> None:
    for status in ("stored", "duplicate"):
        answer = await client.post("/events", headers=HEADERS, json=EVENT)
        assert (answer.status_code, answer.json()) == (200, {"status": status})


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"{}", b'"x"', b"[" * 100_000])
async def test_http_refuses_a_body_that_is_no_event(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/events", headers=HEADERS, content=body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:hall-central:not-an-event"


async def test_http_takes_only_structured_events(client: httpx.AsyncClient) -> None:
    answer = await client.post("/events", json=EVENT)
    assert answer.status_code == 415
    assert answer.headers["content-type"] == "application/problem+json"


async def test_away_refuses_connections_and_back_takes_them_on_the_same_port(central: Central) -> None:
    async with CentralServer(0, central) as server, httpx.AsyncClient(trust_env=False) as client:
        url = f"http://127.0.0.1:{server.port}/events"
        assert (await client.post(url, headers=HEADERS, json=EVENT)).json() == {"status": "stored"}
        await server.away()
        await server.away()
        assert server.state()["online"] is False
        with pytest.raises(httpx.ConnectError):
            await client.post(url, headers=HEADERS, json=EVENT)
        await server.back()
        await server.back()
        assert (await client.post(url, headers=HEADERS, json=EVENT)).json() == {"status": "duplicate"}
        assert (server.state()["received"], server.state()["duplicates"]) == (1, 1)
