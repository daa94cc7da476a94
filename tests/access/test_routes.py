"""Who may call what: every route names its roles, and each role gets those and no others."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, APIWebSocketRoute
from starlette.routing import Mount

from edge.access import tokens
from edge.app import make_app
from tests.hall import Door, Running, World, running, without_devices

pytestmark = pytest.mark.looptime

ROLES: tuple[tokens.Role, ...] = ("kiosk", "window", "pad", "screen", "desk", "ops", "central")
EXPECTED = """
GET  /                                     anyone
GET  /api/v1/announcements/{seq}.wav       ops screen
GET  /api/v1/attendance/alarms             ops
GET  /api/v1/attendance/calendar/{year}    ops
GET  /api/v1/attendance/days/{on}          central ops
GET  /api/v1/attendance/entries            ops
GET  /api/v1/attendance/people             central ops
GET  /api/v1/attendance/publications       central ops
GET  /api/v1/attendance/publications/{publication}  central ops
GET  /api/v1/attendance/terminals          ops
GET  /api/v1/board                         desk ops screen
GET  /api/v1/day                           desk kiosk ops pad screen window
GET  /desk/calls                            desk ops
POST /desk/calls/{alert}/acknowledge        desk ops
POST /desk/calls/{alert}/close              desk ops
GET  /api/v1/devices                       ops
GET  /api/v1/discovery                     ops
GET  /api/v1/events                        anyone
GET  /api/v1/figures                       ops
GET  /api/v1/figures.csv                   ops
GET  /api/v1/figures.xlsx                  ops
GET  /api/v1/figures/priority              ops
GET  /api/v1/forecast/today                ops
GET  /api/v1/messages                      ops
GET  /api/v1/kiosks/{kiosk_id}/card        kiosk
GET  /api/v1/outbox                        ops
GET  /api/v1/problems                      ops
GET  /api/v1/services                      desk kiosk ops
GET  /api/v1/slips                         desk ops window
GET  /api/v1/slips/{name}.svg              desk ops window
GET  /api/v1/tickets/{ticket}              anyone
GET  /api/v1/alerts                        ops
GET  /api/v1/load                          ops
GET  /api/v1/windows                       anyone
GET  /api/v1/windows/{no}                  ops pad window
GET  /api/v1/windows/{no}/evaluation       ops pad
GET  /api/v1/windows/{no}/next             ops window
GET  /api/v1/windows/{no}/today            ops window
GET  /desk                                 desk ops
GET  /desk/bookings                        desk ops
GET  /desk/bookings/{booking}              desk ops
GET  /desk/hand                            desk ops
GET  /desk/tickets/{ticket}                desk ops
POST /desk/bookings                        desk ops
POST /desk/bookings/{booking}/cancel       desk ops
POST /desk/bookings/{booking}/check-in     desk ops
POST /desk/bookings/{booking}/move         desk ops
POST /desk/bookings/{booking}/print        desk ops
POST /desk/hand                            desk ops
POST /desk/tickets                         desk ops
POST /desk/tickets/{ticket}/{act}          desk ops
GET  /healthz                              anyone
GET  /kiosk/{kiosk_id}                     kiosk
GET  /kiosk/{kiosk_id}/book                kiosk
POST /kiosk/{kiosk_id}/book                kiosk
GET  /kiosk/{kiosk_id}/guide               kiosk
GET  /kiosk/{kiosk_id}/guide/{service}     kiosk
POST /kiosk/{kiosk_id}/guide/{service}     kiosk
POST /api/v1/kiosks/{kiosk_id}/aloud       kiosk
POST /api/v1/kiosks/{kiosk_id}/help        kiosk
GET  /login                                anyone
GET  /openapi.json                         ops
GET  /ops                                  ops
GET  /ops/attendance                        ops
GET  /ops/attendance/calendar               ops
GET  /ops/attendance/due/{every}/{first}    ops
GET  /ops/attendance/entries                ops
GET  /ops/attendance/entries/template.csv   ops
GET  /ops/attendance/entries/{ref}          ops
GET  /ops/attendance/months/{month}         ops
GET  /ops/attendance/months/{month}/people/{person}  ops
GET  /ops/attendance/months/{month}/report  ops
GET  /ops/attendance/months/{month}/{file}  ops
GET  /ops/attendance/people                 ops
GET  /ops/attendance/people/template.csv    ops
GET  /ops/attendance/results                ops
GET  /ops/attendance/results/{publication}  ops
GET  /ops/attendance/results/{publication}/people/{person}  ops
GET  /ops/attendance/results/{publication}/report  ops
GET  /ops/attendance/results/{publication}/{file}  ops
GET  /ops/windows                           ops
GET  /ops/what-if                           ops
GET  /pad/{no}                             pad
GET  /pad/{no}/now                         pad
GET  /readyz                               anyone
GET  /screen/attendance/{publication}      ops screen
GET  /screen/{zone_id}                     screen
GET  /screen/{zone_id}/leaf                screen
GET  /screen/{zone_id}/sizes.css           screen
GET  /api/v1/bulletin                      central ops
POST /api/v1/bulletin                      central ops
POST /api/v1/bulletin/{entry}/versions     central ops
POST /api/v1/bulletin/{entry}/approve      central ops
POST /api/v1/bulletin/{entry}/withdraw     central ops
POST /api/v1/bulletin/{entry}/move         ops
GET  /api/v1/emergencies                   desk ops screen
POST /api/v1/emergencies                   ops
POST /api/v1/emergencies/{emergency}/clear  ops
GET  /ops/bulletin                         ops
POST /ops/bulletin                         ops
POST /ops/bulletin/{entry}/approve         ops
POST /ops/bulletin/{entry}/{move}          ops
POST /ops/emergencies                      ops
POST /ops/emergencies/{emergency}/clear    ops
GET  /t/{ticket}                           anyone
GET  /t/{ticket}/now                       anyone
GET  /window/{no}                          window
GET  /window/{no}/code.svg                 window
GET  /window/{no}/now                      window
GET  /window/{no}/sign                     window
POST /api/v1/appointments                  central desk ops
POST /api/v1/appointments/check-in         desk kiosk ops
POST /api/v1/appointments/{appointment}/cancel  central desk ops
POST /api/v1/appointments/{appointment}/move  central desk ops
GET  /api/v1/appointments/to-rebook        desk ops
GET  /api/v1/slots                         central desk kiosk ops
POST /api/v1/attendance/calendar/days      ops
POST /api/v1/attendance/calendar/years     ops
POST /api/v1/attendance/entries            central ops
POST /api/v1/attendance/entries/{ref}/withdraw  central ops
POST /api/v1/attendance/import/{what}      ops
POST /api/v1/attendance/objections/{objection}/answer  ops
POST /api/v1/attendance/people             central ops
POST /api/v1/attendance/publications       ops
POST /api/v1/attendance/publications/{publication}/objections  central ops
POST /api/v1/attendance/publications/{publication}/results/{person}/correct  ops
POST /api/v1/evaluations/{evaluation}      ops pad
POST /api/v1/outbox/{seq}/retry            ops
POST /api/v1/tickets                       desk kiosk ops
POST /api/v1/tickets/{ticket}/cancel       desk kiosk ops
POST /api/v1/tickets/{ticket}/print        desk kiosk ops
POST /api/v1/tickets/{ticket}/rebook       desk ops window
POST /api/v1/tickets/{ticket}/return       desk ops window
POST /api/v1/alerts/{alert}/acknowledge    ops
POST /api/v1/alerts/{alert}/close          ops
POST /api/v1/what-if                       ops
POST /api/v1/windows                       ops
POST /api/v1/windows/{no}/skills           ops
DELETE /api/v1/windows/{no}/skills         ops
POST /api/v1/windows/{no}/alert            ops window
POST /api/v1/windows/{no}/close            ops window
POST /api/v1/windows/{no}/hand-over        ops window
POST /api/v1/windows/{no}/hand-over/confirm  ops window
POST /api/v1/windows/{no}/hand-over/refuse  ops window
POST /api/v1/windows/{no}/open             ops window
POST /api/v1/windows/{no}/call             ops window
POST /api/v1/windows/{no}/call-next        ops window
POST /api/v1/windows/{no}/finish           ops window
POST /api/v1/windows/{no}/miss             ops window
POST /api/v1/windows/{no}/notices          ops window
POST /api/v1/windows/{no}/pause            ops window
POST /api/v1/evaluations/{evaluation}/decline  ops pad
GET /iclock/{call}                         anyone
POST /iclock/{call}                        anyone
GET /iclock/{call}/                        anyone
POST /iclock/{call}/                       anyone
GET /{call}.aspx                           anyone
POST /{call}.aspx                          anyone
GET /{call}.aspx/                          anyone
POST /{call}.aspx/                         anyone
GET /cdata                                 anyone
POST /cdata                                anyone
GET /cdata/                                anyone
POST /cdata/                               anyone
GET /fdata                                 anyone
POST /fdata                                anyone
GET /fdata/                                anyone
POST /fdata/                               anyone
GET /getrequest                            anyone
POST /getrequest                           anyone
GET /getrequest/                           anyone
POST /getrequest/                          anyone
GET /devicecmd                             anyone
POST /devicecmd                            anyone
GET /devicecmd/                            anyone
POST /devicecmd/                           anyone
GET /ping                                  anyone
POST /ping                                 anyone
GET /ping/                                 anyone
POST /ping/                                anyone
GET /registry                              anyone
POST /registry                             anyone
GET /registry/                             anyone
POST /registry/                            anyone
POST /pad/{no}                             anyone
POST /api/v1/tickets/{ticket}/evaluation   anyone
POST /api/v1/tickets/{ticket}/resume       ops window
POST /api/v1/windows/{no}/hold             ops window
POST /api/v1/windows/{no}/transfer         ops window
POST /api/v1/windows/{no}/recall           ops window
POST /api/v1/windows/{no}/walk-in          ops window
POST /api/v1/windows/{no}/wrong-window     ops window
POST /api/v1/tickets/{ticket}/urgent       desk ops
POST /api/v1/tickets/{ticket}/change       desk ops
POST /api/v1/tickets/{ticket}/priority     desk ops
POST /api/v1/tickets/{ticket}/assist       desk ops
GET  /api/v1/hand-numbers                  desk ops
POST /api/v1/hand-numbers                  desk ops
POST /api/v1/windows/{no}/resume           ops window
POST /api/v1/windows/{no}/sign-in          ops window
POST /api/v1/windows/{no}/sign-out         ops window
POST /api/v1/windows/{no}/start            ops window
POST /api/v1/tickets/{ticket}/sms          desk kiosk ops
DELETE /api/v1/tickets/{ticket}/sms        desk kiosk ops
POST /api/v1/devices/{device}/link         ops
DELETE /api/v1/devices/{device}/link       ops
POST /ops/attendance/calendar/days          ops
POST /ops/attendance/calendar/years         ops
POST /ops/attendance/entries                ops
POST /ops/attendance/entries/import         ops
POST /ops/attendance/entries/{ref}/correct  ops
POST /ops/attendance/entries/{ref}/withdraw  ops
POST /ops/attendance/people                 ops
POST /ops/attendance/people/import          ops
POST /ops/attendance/results                ops
POST /ops/attendance/results/{publication}/people/{person}/correct  ops
POST /ops/attendance/results/{publication}/people/{person}/objections  ops
POST /ops/attendance/results/{publication}/people/{person}/objections/{objection}  ops
POST /login                                anyone
GET  /api/v1/assets                        ops
POST /api/v1/assets/entries                ops
POST /api/v1/devices/{device}/test         ops
GET  /api/v1/observations                  ops
POST /api/v1/observations                  ops
GET  /ops/now                              ops
POST /ops/alerts/{alert}/acknowledge       ops
POST /ops/alerts/{alert}/close             ops
POST /ops/devices/{device}/test            ops
POST /ops/found                            ops
POST /ops/outbox/{seq}/retry               ops
GET  /ops/devices/{device}                 ops
GET  /ops/ledger                           ops
POST /ops/ledger                           ops
GET  /ops/ledger/items.csv                 ops
GET  /ops/ledger/entries.csv               ops
GET  /ops/queue                            ops
GET  /ops/replay                           ops
GET  /ops/ratings                          ops
POST /ops/ratings/{evaluation}             ops
GET  /ops/ratings/bad-reviews.csv          ops
GET  /ops/ratings/levels.csv               ops
GET  /ops/patrol                           ops
POST /ops/windows                           ops
POST /ops/patrol                           ops
GET  /ops/patrol/observations.csv          ops
"""
PLACES = {
    "no": "3",
    "ticket": "x",
    "alert": "x",
    "appointment": "x",
    "booking": "x",
    "act": "cancel",
    "device": "x",
    "evaluation": "x",
    "seq": "1",
    "kiosk_id": "1",
    "zone_id": "f1",
    "name": "ticket",
    "service": "pension",
    "call": "cdata",
    "year": "2026",
    "on": "2026-03-02",
    "first": "2026-03-02",
    "every": "weekly",
    "month": "2026-03",
    "file": "report.xlsx",
    "publication": "x",
    "person": "x",
    "objection": "x",
    "ref": "x",
    "what": "people",
    "entry": "x",
    "move": "earlier",
    "emergency": "x",
}


def api_routes(app: FastAPI) -> Iterator[APIRoute]:
    """Every route of the app and of its routers; what is neither a route nor the static files fails the test."""
    for each in app.routes:
        found = each.original_router.routes if hasattr(each, "original_router") else [each]
        for route in found:
            if isinstance(route, Mount):
                assert route.path == "/static"
                continue
            if isinstance(route, APIWebSocketRoute):
                assert route.path == "/api/v1/pads/{device}", "who calls says who it is in the pad's own way"
                continue
            assert isinstance(route, APIRoute), route
            yield route


def roles_of(route: APIRoute) -> set[str]:
    named = [getattr(each.dependency, "roles", None) for each in route.dependencies]
    (roles,) = [roles for roles in named if roles]
    return set(roles)


def expected() -> dict[tuple[str, str], set[str]]:
    rows = [line.split() for line in EXPECTED.strip().splitlines()]
    return {(method, path): set(roles) for method, path, *roles in rows}


def guarded(text: str) -> str:
    assert "demo = true" in text
    return without_devices(text).replace("demo = true", "demo = false")


@contextlib.asynccontextmanager
async def real_hall(folder: Path) -> AsyncIterator[Running]:
    """Not the demo: whoever calls shows a token. The token of a role is its name."""
    async with running(World(folder, guarded)) as hall:
        for role in ROLES:
            await enrol(hall, role, role)
        yield hall


async def enrol(hall: Running, token: str, role: tokens.Role, scope: str | None = None) -> None:
    await hall.parts.writer.do(tokens.enrol, tokens.Enrol(token, role, f"the-{token}", scope))


async def status(hall: Running, token: str | None, method: str, path: str) -> int:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    body: dict[str, str] | None = {} if method == "POST" else None
    return (await hall.api.request(method, path, headers=headers, json=body)).status_code


async def test_every_route_names_its_roles_and_they_are_these(tmp_path: Path) -> None:
    async with real_hall(tmp_path) as hall:
        routes = list(api_routes(make_app(hall.parts)))
        found = {(method, route.path): roles_of(route) for route in routes for method in route.methods or ()}
        assert found == expected()


@pytest.mark.parametrize("role", [*ROLES, None])
async def test_a_role_gets_what_is_granted_and_nothing_else(tmp_path: Path, role: str | None) -> None:
    async with real_hall(tmp_path) as hall:
        hall.parts.journal.close()  # so that the event stream ends
        refusal = 403 if role else 401
        for (method, path), roles in expected().items():
            if path == "/login":
                continue
            code = await status(hall, role, method, path.format(**PLACES))
            allowed = "anyone" in roles or role in roles
            page = method == "GET" and not path.startswith("/api/")
            refused = (refusal, 303) if role is None and page else (refusal,)  # a page sends to the sign-in
            assert (code not in (401, 403, 303)) if allowed else (code in refused), (method, path, code)


@pytest.mark.req("SEC-03")
async def test_a_token_for_one_place_is_good_there_only(tmp_path: Path) -> None:
    async with real_hall(tmp_path) as hall:
        await enrol(hall, "third", "window", "3")
        await enrol(hall, "pad-3", "pad", "3")
        await enrol(hall, "upstairs", "screen", "guide")
        for token, good, bad in (
            ("third", "/api/v1/windows/3", "/api/v1/windows/1"),
            ("third", "/window/3", "/window/1"),
            ("pad-3", "/api/v1/windows/3/evaluation", "/api/v1/windows/1/evaluation"),
            ("upstairs", "/screen/guide", "/screen/f1"),
        ):
            assert await status(hall, token, "GET", good) in (200, 204)
            assert await status(hall, token, "GET", bad) == 403
        before = len(hall.events())
        for move in ("call-next", "pause", "resume", "call", "finish"):
            assert await status(hall, "third", "POST", f"/api/v1/windows/1/{move}") == 403
        assert len(hall.events()) == before


async def test_a_token_for_one_place_does_not_act_for_another_in_its_body(tmp_path: Path) -> None:
    async with real_hall(tmp_path) as hall:
        await enrol(hall, "for-kiosk-1", "kiosk", "1")
        await enrol(hall, "for-guide", "screen", "guide")
        mine = {"Authorization": "Bearer for-kiosk-1"}
        assert (
            await hall.api.post("/api/v1/tickets", json={"service": "pension", "kiosk": "1"}, headers=mine)
        ).is_success
        for body in ({"service": "pension", "kiosk": "2"}, {"service": "pension"}):
            assert (await hall.api.post("/api/v1/tickets", json=body, headers=mine)).status_code == 403
        assert await status(hall, "for-guide", "GET", "/api/v1/board?zone=guide") == 200
        assert await status(hall, "for-guide", "GET", "/api/v1/board?zone=f1") == 403


async def test_a_token_is_kept_as_a_hash_and_taken_back_at_once(tmp_path: Path) -> None:
    async with real_hall(tmp_path) as hall:
        assert await status(hall, "desk", "GET", "/api/v1/board") == 200
        await hall.parts.writer.do(tokens.revoke, "the-desk")
        assert await status(hall, "desk", "GET", "/api/v1/board") == 401
        with hall.parts.database.read() as connection:
            hashes = [row[0] for row in connection.exec_driver_sql("SELECT hash FROM token")]
        assert len(hashes) == len(ROLES) - 1
        assert not set(hashes) & set(ROLES)
        assert [event.type for event in hall.events("access.")][-1] == "access.revoked"


@pytest.mark.parametrize("header", ["Bearer wrong", "Bearer ", "Basic ops", "ops", "Bearer ops ops"])
async def test_a_wrong_token_is_no_token(tmp_path: Path, header: str) -> None:
    async with real_hall(tmp_path) as hall:
        answer = await hall.api.get("/api/v1/devices", headers={"Authorization": header})
        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")


async def test_a_page_signs_in_with_a_cookie(tmp_path: Path) -> None:
    async with real_hall(tmp_path) as hall:
        wrong = await hall.api.post("/login", data={"token": "guess"})
        assert (wrong.status_code, wrong.cookies) == (401, httpx.Cookies())
        right = await hall.api.post("/login", data={"token": "screen"})
        assert right.status_code == 303
        cookie = right.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert (await hall.api.get("/api/v1/board")).status_code == 200
        assert (await hall.api.get("/api/v1/devices")).status_code == 403


async def test_a_page_of_another_origin_may_not_act(tmp_path: Path) -> None:
    async with real_hall(tmp_path) as hall:
        for origin, code in (("http://evil.example", 403), ("null", 403), ("http://127.0.0.1", 201)):
            headers = {"Authorization": "Bearer kiosk", "Origin": origin}
            answer = await hall.api.post("/api/v1/tickets", json={"service": "pension"}, headers=headers)
            assert answer.status_code == code, origin
        assert len(hall.events("ticket.issued")) == 1


async def test_the_demo_is_for_this_machine_only(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        assert (await hall.api.get("/api/v1/devices")).status_code == 200
        for host in ("hall.example", "evil.example:8080", "127.0.0.1.evil.example", ""):
            answer = await hall.api.get("/api/v1/devices", headers={"Host": host})
            assert answer.status_code == 403, host
        elsewhere = Door(make_app(hall.parts), client=("10.0.0.9", 1))
        async with httpx.AsyncClient(transport=elsewhere, base_url="http://127.0.0.1") as api:
            for path in ("/api/v1/devices", "/", "/healthz"):
                assert (await api.get(path)).status_code == 403
        foreign: dict[str, Any] = {"Origin": "http://evil.example"}
        answer = await hall.api.post("/api/v1/tickets", json={"service": "pension"}, headers=foreign)
        assert answer.status_code == 403
        assert not hall.events("ticket.")


async def test_outside_the_demo_an_address_grants_nothing(tmp_path: Path) -> None:
    async with real_hall(tmp_path) as hall:
        assert await status(hall, None, "GET", "/api/v1/devices") == 401
