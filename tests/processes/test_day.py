"""`hall-edge day`: a day over the API of a running service, and what the service itself then says of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sqlite3
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from edge.__main__ import main
from edge.day import invented, onto_services, onto_windows
from edge.day_api import Api, Gone, Said
from edge.queue.scenario import Window
from tests.server import free_port, running

HEAD = "id,arrive_s,service,class,slot_s,work_s,walk_s,kind,back_s,patience_s,next"
COME = [
    *(f"v{nth},{32_400 + nth * 40},S{nth % 2},N,,150,10,0,0,," for nth in range(16)),
    "soldier,32500,S0,M,,60,10,0,0,,",
    "absent,32520,S1,N,,60,10,1,0,,",
    "late,32540,S0,N,,60,10,2,200,,",
    "twice,32560,S1,N,,60,10,0,0,,S0:90",
    "hasty,32700,S1,N,,60,10,0,0,1,",
]


def write_day(folder: Path, rows: Sequence[str], ends_s: int) -> Path:
    """Two windows from 9:00; the second is away for two minutes."""
    service = {"share": 1, "mean_s": 120, "cv": 0.5}
    windows = [("A", [[32_400, ends_s]]), ("B", [[32_400, 32_700], [32_820, ends_s]])]
    told = {
        "format": "queuebench/1",
        "name": "small",
        "seed": 1,
        "noshow_s": 45,
        "walk_mean_s": 10,
        "services": [{"id": each, "name": each} | service for each in ("S0", "S1")],
        "classes": [{"id": "N", "name": "", "head_start_s": 0, "rank": 0}],
        "windows": [{"id": each, "skills": ["S0", "S1"], "speed": 1, "on": on, "drain": True} for each, on in windows],
    }
    folder.mkdir()
    (folder / "scenario.json").write_text(json.dumps(told), "utf-8")
    (folder / "tickets.csv").write_text("\n".join([HEAD, *rows, ""]), "utf-8")
    return folder


async def play(folder: Path, port: int, speed: int) -> Process:
    command = ["-m", "edge", "day", str(folder), "--url", f"http://127.0.0.1:{port}", "--speed", str(speed)]
    return await asyncio.create_subprocess_exec(sys.executable, *command, stdout=PIPE, stderr=PIPE)


def rows(data: Path, sql: str) -> list[Any]:
    with contextlib.closing(sqlite3.connect(data / "hall.sqlite")) as connection:
        return connection.execute(sql).fetchall()


async def test_the_service_has_served_whom_the_day_sent(hall: Path, data: Path, tmp_path: Path) -> None:
    folder = write_day(tmp_path / "day", COME, 33_300)
    async with running(hall, data) as server:
        process = await play(folder, server.port, 1500)
        async with asyncio.timeout(20):
            told, wrong = (each.decode() for each in await process.communicate())
        assert process.returncode == 0, wrong
        assert wrong == ""
        states = dict(rows(data, "SELECT state, count(*) FROM ticket GROUP BY state"))
        assert states == {"finished": 19, "missed": 1, "cancelled": 1}
        # Who came back was called twice, and who was sent on too.
        assert rows(data, "SELECT count(*) FROM journal WHERE type='ticket.called'") == [(22,)]
        assert rows(data, "SELECT count(*) FROM ticket WHERE priority='military'") == [(1,)]
        ((rated,),) = rows(data, "SELECT count(*) FROM evaluation WHERE state='rated'")
        assert 0 < rated < 19
        assert rows(data, "SELECT count(*) FROM window WHERE state<>'open' OR armed_at IS NOT NULL") == [(0,)]
    assert told.startswith("small, 21 visitors, at 试验大厅: windows A→1, B→2; services S0→业务0, S1→业务1\n16 kiosks")
    assert "\n    21      19       1     1        0" in told
    assert f"{rated} rated" in told


async def test_ctrl_c_finishes_what_was_called_and_nothing_more(hall: Path, data: Path, tmp_path: Path) -> None:
    folder = write_day(tmp_path / "day", [f"v{n},{32_400 + n},S0,N,,3000,10,0,0,," for n in range(6)], 90_000)
    async with running(hall, data) as server:
        process = await play(folder, server.port, 60)
        async with asyncio.timeout(20):
            while rows(data, "SELECT count(*) FROM ticket WHERE state='serving'") != [(2,)]:  # noqa: ASYNC110  another process does it
                await asyncio.sleep(0.05)
            process.send_signal(signal.SIGINT)
            told, wrong = (each.decode() for each in await process.communicate())
        assert (process.returncode, wrong) == (0, "")
        states = dict(rows(data, "SELECT state, count(*) FROM ticket GROUP BY state"))
    assert states["finished"] == 2
    assert states.keys() <= {"finished", "waiting"}
    assert "\n" in told


# ---- without a service


def test_nobody_there_is_said_in_words() -> None:
    done = CliRunner().invoke(main, ["day", "--url", f"http://127.0.0.1:{free_port()}"])
    assert done.exit_code == 1
    assert "nobody answers at http://127.0.0.1:" in done.output
    assert "Traceback" not in done.output


def test_a_folder_that_is_no_day_is_said_in_words(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["day", str(tmp_path)])
    assert done.exit_code == 1
    assert "holds no day" in done.output


async def test_a_lost_answer_is_asked_for_again_under_the_same_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.day_api.PAUSES_S", (0.0, 0.0))
    keys: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(204)
        keys.append(request.headers["Idempotency-Key"])
        if len(keys) == 1:
            raise httpx.ReadError("lost", request=request)
        return httpx.Response({2: 503, 3: 201}.get(len(keys), 409), json={"id": "t", "title": "窗口暂停中"})

    api = Api("http://hall")
    await api._client.aclose()
    api._client = httpx.AsyncClient(base_url="http://hall", transport=httpx.MockTransport(answer))
    async with api:
        assert await api.get("/services") is None
        assert (await api.post("/tickets", service="a"))["id"] == "t"
        assert len(set(keys)) == 1
        with pytest.raises(Said, match="窗口暂停中"):
            await api.post("/windows/1/call-next")
        assert await api.attempt("/windows/1/call-next") is None
        assert api.refused == {"窗口暂停中": 1}
        keys.clear()
        monkeypatch.setattr("edge.day_api.PAUSES_S", (0.0,))
        with pytest.raises(Gone):
            await api.post("/tickets", service="a")


def test_a_day_is_laid_onto_the_hall_by_id_or_by_order() -> None:
    assert onto_services(["a", "b"], ["b", "c", "a"]) == {"a": "a", "b": "b"}
    assert onto_services(["x", "y", "z"], ["b", "c"]) == {"x": "b", "y": "c", "z": "b"}
    two = [Window(each, ("a",), 1.0, ((0.0, 1.0),), True) for each in ("3", "5")]
    assert onto_windows(two, [1, 3, 5]) == {3: two[0], 5: two[1]}
    assert onto_windows(two, [1]) == {1: two[0]}


def test_a_made_up_day_is_the_same_for_the_same_seed() -> None:
    services, windows = [{"id": "a", "name": "甲"}], [{"no": 1, "skills": ["a"]}, {"no": 2, "skills": ["a"]}]
    one = invented(services, windows, 4)
    assert one == invented(services, windows, 4)
    assert one.tickets != invented(services, windows, 5).tickets
    assert len(one.tickets) in range(50, 120)
