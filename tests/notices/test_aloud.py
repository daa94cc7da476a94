"""A kiosk's page read to whoever stands before it: by espeak-ng, which works in real time."""

from __future__ import annotations

import io
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.hall import Running, World, running, without_devices


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(World(tmp_path, without_devices)) as made:
        yield made


@pytest.mark.parametrize(("shown", "english"), [("您的号 A001\n前面 2 人", False), ("Your number A001", True)])
async def test_what_a_kiosk_shows_is_read_aloud(hall: Running, shown: str, english: bool) -> None:
    found = await hall.api.post("/api/v1/kiosks/1/aloud", json={"text": shown, "english": english})
    assert (found.status_code, found.headers["content-type"]) == (200, "audio/wav")
    with wave.open(io.BytesIO(found.content)) as sound:
        assert 1 < sound.getnframes() / sound.getframerate() < 10
    assert "data-speaks" in (await hall.api.get("/kiosk/1")).text


async def test_a_machine_without_a_voice_says_so(
    hall: Running, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    refused = await hall.post("/kiosks/1/aloud", 503, text="您的号 A001")
    assert refused["title"] == "这台机器不能朗读，需要帮助请找导办台"
    assert "data-speaks" not in (await hall.api.get("/kiosk/1")).text
    await hall.post("/kiosks/9/aloud", 404, text="您的号")
    await hall.post("/kiosks/1/aloud", 422, text="")
