"""One device: how it is and was, what it can be asked to do, its wire, and what the ledger says of it."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import date, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from edge.clock import Now, local
from edge.devices import binding, ledger, past, testing
from edge.devices.wire import Exchange
from edge.guard import needs
from edge.hall import Device, Hall
from edge.pages import ops_history, ops_replay
from edge.pages.ops_picture import WORDS
from edge.pages.ops_shapes import lasting, sign
from edge.pages.render import missing, page
from edge.parts import Parts, parts_of
from edge.statements import Statements

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
DAYS = 7
COUNTERS = {
    "bytes_in": "收到的字节",
    "bytes_out": "发出的字节",
    "frames_in": "收到的帧",
    "garbage": "认不出的字节",
    "bad_frames": "坏帧",
    "attempts": "正在重连（次）",
    "rejected": "被设备拒绝（次）",
    "overflow": "来不及处理的按键",
}
DONE = {"tested": "已发出测试，请看设备"}


@router.get("/ops/devices/{device}", dependencies=[needs("ops")])
def one(request: Request, device: str, done: str = "") -> Response:
    parts, now = parts_of(request), parts_of(request).clock.now()
    config = parts.hall.device.get(device)
    if config is None:
        return missing(request, f"设备 {device}")
    health = parts.hub.health[device]
    why, advice, since = health.words()
    with parts.database.read() as connection:
        found = _spans(parts, connection, now, device)
        link = binding.links(connection, parts.hall)[device]
        item = ledger.of_device(connection, device)
        entries = ledger.written(connection, item.number)[:10] if item else []
    return page(
        request,
        "ops_device",
        page="ops attendance",
        here="device",
        device=config,
        link=link,
        severity=health.severity(),
        word=WORDS[health.severity()],
        why=why,
        advice=advice,
        lasting=lasting(now.at - since) if since else "",
        error=health.error,
        conditions=[each for each in _conditions(parts, now, device) if each[0] != why],
        places=places(parts.hall, config),
        tests=testing.tests(parts.hall, device),
        counters=[(word, counts[name]) for name, word in COUNTERS.items() if (counts := _counts(parts, device))],
        strip=_strip(parts, now, found),
        trouble=_trouble(parts, now, found),
        wire=_wire(parts, device),
        item=item,
        entries=entries,
        entry_words=ledger.KINDS,
        when=lambda at: f"{local(at, parts.hall.zone_info):%Y-%m-%d %H:%M}",
        sign=sign,
        done=DONE.get(done, ""),
        refused=None,
    )


def _counts(parts: Parts, device: str) -> dict[str, int]:
    health = parts.hub.health[device]
    own = {"attempts": health.attempts, "rejected": health.rejected, "overflow": health.overflow}
    return asdict(health.counters) | own


def _conditions(parts: Parts, now: Now, device: str) -> list[tuple[str, str, str]]:
    """(what is the matter, for how long, what to do), one by one."""
    health = parts.hub.health[device]
    found = []
    for name, since in health.conditions.items():
        alone = replace(health, state="up", conditions={name: since})
        why, advice, _ = alone.words()
        found.append((why or name, lasting(now.at - since), advice or ""))
    return found


def places(hall: Hall, device: Device) -> list[str]:
    """Where it stands, in words."""
    found = []
    for window in hall.windows:
        named = {"叫号器": window.call_boxes, "窗口屏": (window.sign,), "评价器": (window.evaluator,)}
        for what, several in named.items():
            if any(place is not None and place.device == device.id for place in several):
                found.append(f"{window.no}号窗口{what}")
        if window.printer == device.id:
            found.append(f"{window.no}号窗口打印机")
    for kiosk in hall.kiosks:
        for what, id_ in (("小票打印机", kiosk.printer), ("备用打印机", kiosk.fallback), ("读卡器", kiosk.reader)):
            if id_ == device.id:
                found.append(f"{kiosk.name}{what}")
    return found + [f"{zone.name}音箱" for zone in hall.zones if zone.voice and zone.voice.device == device.id]


# ---- the last days


def _midnights(parts: Parts, now: Now) -> list[tuple[int, str]]:
    """(UTC milliseconds, its name), today first."""
    today = date.fromisoformat(now.day)
    days = [today - timedelta(days=back) for back in range(DAYS)]
    zone = parts.hall.zone_info
    return [
        (int(datetime(*on.timetuple()[:3], tzinfo=zone).timestamp() * 1000), f"{on.month}月{on.day}日") for on in days
    ]


def _spans(parts: Parts, connection: Statements, now: Now, device: str) -> list[past.Span]:
    first = _midnights(parts, now)[-1][0]
    return past.spans(past.said(connection, device, first), first, now.at, past.last_known(connection, device))


def _strip(parts: Parts, now: Now, found: list[past.Span]) -> Markup:
    return ops_history.draw(found, _midnights(parts, now))


def _trouble(parts: Parts, now: Now, found: list[past.Span]) -> str | None:
    """The hall in the minute after it last began not to be well."""
    after = [each.start + ops_replay.MINUTE_MS for each in found[1:] if each.severity in ("bad", "warn")]
    return ops_replay.href(parts.hall, after[-1]) if after and after[-1] <= now.at else None


# ---- the wire


def _wire(parts: Parts, device: str) -> list[dict[str, Any]]:
    return [_exchange(parts, each) for each in parts.hub.wire.last(device)]


def _exchange(parts: Parts, each: Exchange) -> dict[str, Any]:
    text = "".join(chr(byte) if 32 <= byte < 127 else "·" for byte in each.data)
    more = "…" if each.data and each.size > len(each.data) else ""
    return {
        "at": f"{local(each.at, parts.hall.zone_info):%H:%M:%S}",
        "word": "收到" if each.direction == "in" else "发出",
        "size": each.size,
        "hex": each.data.hex(" ") + more,
        "text": text,
    }
