"""Requests that make no sense, and requests that come twice."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.access import idempotency
from edge.schema import TABLES
from tests.hall import Running, World, running, without_devices

pytestmark = pytest.mark.looptime

POSTS = [
    "/tickets",
    "/tickets/x/print",
    "/tickets/x/cancel",
    "/tickets/x/return",
    *(f"/windows/3/{move}" for move in ("call-next", "call", "recall", "start", "finish", "miss", "pause", "resume")),
    "/windows/3/notices",
    "/windows/3/sign-in",
    "/windows/3/sign-out",
    "/windows/9/call-next",
    "/windows/x/call-next",
    "/evaluations/x",
    f"/outbox/{10**30}/retry",
    "/nowhere",
]
WRONG: list[tuple[str, Any, int]] = [
    ("/tickets", {"service": 5}, 422),
    ("/tickets", {}, 422),
    ("/tickets", [], 422),
    ("/tickets", None, 422),
    ("/tickets", {"service": "pension", "colour": "red"}, 422),
    ("/tickets", {"service": "pension", "channel": "pigeon"}, 422),
    ("/tickets", {"service": "\ud800"}, 422),
    ("/tickets", {"service": "x" * 33}, 422),
    ("/tickets", {"service": "dentist"}, 404),
    ("/tickets", {"service": "pension", "kiosk": "9"}, 404),
    ("/windows/9/call-next", {}, 404),
    ("/windows/one/call-next", {}, 422),
    ("/windows/3/call-next", {"ticket": "x"}, 422),
    ("/windows/3/call", {"ticket": ["x"]}, 422),
    ("/windows/3/call", {"ticket": "\x00"}, 404),
    ("/windows/3/start", {"ticket": "x"}, 404),
    ("/windows/3/pause", {"sign": "gone fishing"}, 422),
    ("/evaluations/x", {"level": 0}, 422),
    ("/evaluations/x", {"level": 6}, 422),
    ("/evaluations/x", {"level": 5, "comment": "x" * 501}, 422),
    ("/evaluations/x", {"level": 5}, 404),
    ("/tickets/x/print", {}, 404),
    ("/nowhere", {}, 404),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
BODIES = st.builds(
    lambda some, more: {**some, **more},
    st.fixed_dictionaries(
        {},
        optional={
            key: JSON | st.sampled_from(["pension", "x", "1", 3, "wait_a_moment", "go_to", "1003"])
            for key in ("service", "kiosk", "ticket", "level", "sign", "other", "staff", "template", "values")
        },
    ),
    st.dictionaries(st.text(max_size=5), JSON, max_size=1),
)


def everything(hall: Running) -> dict[str, list[Any]]:
    """Every row but the relay's place, which moves on by itself."""
    names = [each.name for each in TABLES if each.name != "relay"]
    with hall.parts.database.read() as connection:
        return {name: list(connection.exec_driver_sql(f"SELECT * FROM {name}").all()) for name in names}


async def send(hall: Running, path: str, content: bytes, kind: str = "application/json") -> httpx.Response:
    return await hall.api.post(f"/api/v1{path}", content=content, headers={"Content-Type": kind})


def is_a_problem(answer: httpx.Response) -> None:
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == answer.status_code
    assert {"type", "title", "detail", "instance"} <= body.keys()
    assert any("一" <= char <= "鿿" for char in body["title"])


@pytest.mark.parametrize(("path", "body", "code"), WRONG)
async def test_a_malformed_request_is_a_problem_and_changes_nothing(
    tmp_path: Path, path: str, body: Any, code: int
) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        before = everything(hall)
        answer = await send(hall, path, json.dumps(body).encode())
        assert answer.status_code == code, answer.text
        is_a_problem(answer)
        assert everything(hall) == before


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"service": "pension"', b"[" * 20_000, b"pension"])
@pytest.mark.parametrize("kind", ["application/json", "text/plain", ""])
async def test_what_is_no_json_is_a_problem(tmp_path: Path, content: bytes, kind: str) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        before = everything(hall)
        answer = await send(hall, "/tickets", content, kind)
        assert 400 <= answer.status_code < 500
        is_a_problem(answer)
        assert everything(hall) == before


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(POSTS), BODIES), min_size=1, max_size=12))
async def test_no_request_breaks_the_service(requests: list[tuple[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with running(World(Path(folder), without_devices)) as hall:
            for path, body in requests:
                before = everything(hall)
                answer = await send(hall, path, json.dumps(body).encode())
                assert answer.status_code < 500, (path, body, answer.text)
                if answer.status_code >= 400:
                    is_a_problem(answer)
                    assert everything(hall) == before


@pytest.mark.parametrize(
    "path", [f"/windows/{10**30}", f"/events?after={-1}", f"/announcements/{10**30}.wav", "/announcements/0.wav"]
)
async def test_numbers_beyond_reason_are_a_problem(tmp_path: Path, path: str) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        answer = await hall.api.get(f"/api/v1{path}")
        assert 400 <= answer.status_code < 500
        is_a_problem(answer)


# ---- requests that come twice


async def take(hall: Running, key: str, **body: Any) -> httpx.Response:
    return await hall.api.post("/api/v1/tickets", json=body, headers={"Idempotency-Key": key})


async def test_the_same_request_gets_the_stored_answer(tmp_path: Path) -> None:
    async with running(World(tmp_path)) as hall:
        first = await take(hall, "k", service="pension", kiosk="1")
        await hall.post("/windows/1/call-next")
        again = await take(hall, "k", service="pension", kiosk="1")
        assert (again.status_code, again.content) == (first.status_code, first.content) == (201, first.content)
        assert len(hall.events("ticket.issued")) == 1
        assert len(everything(hall)["print_job"]) == 1


async def test_the_same_key_for_another_request_is_refused(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        await take(hall, "k", service="pension")
        other = await take(hall, "k", service="medical")
        assert (other.status_code, other.json()["type"]) == (422, "/problems/key_reused")
        elsewhere = await hall.api.post("/api/v1/windows/1/call-next", headers={"Idempotency-Key": "k"})
        assert elsewhere.status_code == 422
        assert len(hall.events("ticket.")) == 1


async def test_the_same_request_many_times_at_once_makes_one_ticket(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        answers = await asyncio.gather(*(take(hall, "k", service="pension") for _ in range(20)))
        assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
        assert len(hall.events("ticket.issued")) == 1


async def test_other_keys_and_no_key_are_other_requests(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        long = "k" * 200
        for key in ("a", "b", "", "", long + "1", long + "2"):
            await take(hall, key, service="pension")
        assert len(hall.events("ticket.issued")) == 6


async def test_a_refused_request_may_be_tried_again(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        headers = {"Idempotency-Key": "k"}
        await hall.post("/windows/3/pause")
        await hall.post("/windows/3/call-next", 409, headers=headers)
        await hall.post("/windows/3/resume")
        await hall.post("/windows/3/call-next", 204, headers=headers)
        await hall.issue("pension")
        await hall.post("/windows/3/call-next", 204, headers=headers)


async def test_stored_answers_are_forgotten_after_two_days(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        await take(hall, "k", service="pension")
        for hours, left in ((47, 1), (2, 0)):
            hall.world.wall.at += hours * 3600
            await hall.parts.writer.do(idempotency.forget, None)
            assert len(everything(hall)["idempotency"]) == left
