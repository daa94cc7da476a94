"""Whoever reads English is told why not in English: every refusal that a visitor can meet has words of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastapi import FastAPI

from edge.refusal import ELSE, ENGLISH, Refused
from tests.access.refusals import Place, codes
from tests.access.test_routes import api_routes, roles_of
from tests.hall import World, running, without_devices
from tests.pages.visits import move
from tests.timetable.test_day import timetable

pytestmark = pytest.mark.looptime
VISITORS = {"anyone", "kiosk", "pad"}
OF_THE_APP = {"http_404", "http_405", "http_413", "malformed", "not_stored"}


def handlers(app: FastAPI) -> set[Place]:
    found = [each.endpoint for each in api_routes(app) if roles_of(each) & VISITORS]
    return {(each.__module__, each.__name__) for each in found if "." not in each.__qualname__}


async def test_every_refusal_that_a_visitor_can_meet_has_english_words(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        app = hall.api._transport.app  # type: ignore[attr-defined]
        met = codes(handlers(app) | {("edge.guard", "needs")})
    assert {"quota_full", "evaluation_closed", "not_the_slip", "too_many_guesses", "slot_full"} <= met.keys()
    assert "day_off" not in met, "of the what-if of ops"
    assert {code: place for code, place in met.items() if code not in ENGLISH} == {}
    assert ENGLISH.keys() - met.keys() <= OF_THE_APP <= ENGLISH.keys()


def test_no_chinese_stands_in_it_and_what_only_staff_meet_has_a_sentence_too() -> None:
    for words in (*ENGLISH.values(), ELSE):
        assert re.fullmatch(r"[A-Z][ -~]+[^.]", words)
    assert Refused("recall_limit", "x").title_en == ENGLISH["recall_limit"]
    assert Refused("only_for_staff", "x").title_en == ELSE
    assert Refused("not_now", "x", title_en="Opens at 08:30").title_en == "Opens at 08:30"


async def test_a_visitor_who_comes_late_is_told_in_both_languages(tmp_path: Path) -> None:
    async with running(World(tmp_path, timetable())) as hall:
        move(hall, "2026-03-02 12:30")
        noon = await hall.post("/tickets", 409, service="medical")
        assert (noon["title"], noon["title_en"]) == ("下午14:30继续", "Goes on at 14:30")
        move(hall, "2026-03-02 19:00")
        closed = await hall.post("/tickets", 409, service="medical")
        assert closed["title"] == "现在不在服务时间，明天上午8:30开门"
        assert closed["title_en"] == "Closed now, opens 03 March 08:30"
        nothing = await hall.post("/tickets", 404, service="nothing")
        assert nothing["title_en"] == "There is no such service here"
        assert (await hall.post("/tickets", 422))["title_en"] == "Something is wrong in what was sent"


async def test_who_opens_what_is_not_there_gets_a_page_and_a_program_gets_a_problem(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        for path, words in (("/nothing", "没有这个页面"), ("/kiosk/99", "没有找到：取号机 99")):
            answer = await hall.api.get(path, headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
            assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
            assert words in answer.text
            assert "Please check the address" in answer.text
            assert '<a href="/">' in answer.text
            assert "default-src 'self'" in answer.headers["content-security-policy"]
        for path, accept in (("/nothing", "*/*"), ("/api/v1/nothing", "text/html")):
            answer = await hall.api.get(path, headers={"Accept": accept})
            assert (answer.status_code, answer.json()["type"]) == (404, "/problems/http_404")
