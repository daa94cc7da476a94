"""The roster that a centre sends its halls: the staff of the hall file, each with a window and an adjustment letter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

SINCE = "2026-01-01"


def roster(hall: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Bodies of `POST /api/v1/attendance/people`, for a hall file as it is read: the first clerk keeps the first
    window, and the next one stands in there."""
    staff, windows = hall.get("staff", []), hall.get("window", [])
    unit_of = {each["id"]: each["unit"] for each in hall.get("service", [])}
    return [
        {
            "id": each["id"],
            "name": each["name"],
            "title": each.get("title", ""),
            "unit": unit_of[window["skills"][0]],
            "role": "clerk" if nth else "chief_representative",
            "posts": [{"window": window["no"], "part": "A"}, {"window": windows[nth - 1]["no"], "part": "B"}],
            "since": SINCE,
            "letter": f"人函〔2026〕{nth + 1}号",
            "consent": {"face": SINCE} if nth else {},
        }
        for nth, (each, window) in enumerate(zip(staff, windows, strict=False))
    ]


async def send(port: int, people: list[dict[str, Any]]) -> None:
    """To the service of this machine. Raises `httpx.HTTPError`; the same roster again changes nothing there."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        answer = await client.post("/api/v1/attendance/people", json={"people": people})
        answer.raise_for_status()
