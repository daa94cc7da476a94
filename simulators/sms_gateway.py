"""A gateway that takes short messages over HTTP/1.1 and shows what it was given.

    POST  {"number": "...", "text": "...", "id": "..."}      any JSON object is kept, at any path
    200   {"code": 0, "id": "<the gateway's own>"}, or {"code": 1, "msg": "..."} when it does not want the message

Gateways differ; this one has the shape that many share and is none in particular. h11 reads and writes the protocol on
the raw wire. What is no JSON object gets 400 and a trouble of its own 500, both with `code` and `msg`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import h11

from simulators.port import Gone, Wire
from simulators.sms_picture import gateway_and_phone

SLOW = 40.0  # seconds
LONGEST_HEAD, LONGEST_BODY = 16 * 1024, 64 * 1024
KEPT, TOLD = 200, 20
ACCEPTED, UNWANTED, BAD, BROKEN = 0, 1, 2, 3
"""The `code` of an answer."""
SWITCHES = {"fails": "内部错误 500", "refuses": "拒收", "hangs_up": "不答就断开", "slow": "应答很慢"}

Outcome = Literal["accepted", "refused", "error", "cut"]


class BadRequest(Exception):
    """`why` goes into the body of the answer; without it there is none."""

    def __init__(self, status: int, why: str = "") -> None:
        super().__init__(why)
        self.status, self.why = status, why


@dataclass(slots=True)
class Taken:
    message: dict[str, Any]
    """As it came."""
    number: str
    text: str
    """Of an object that has not both, everything, as JSON."""
    outcome: Outcome = "accepted"


class Gateway:
    """Has no options."""

    def __init__(self, device_id: str, options: Mapping[str, Any]) -> None:
        self.device_id = device_id
        self.taken: deque[Taken] = deque(maxlen=KEPT)
        """Oldest first."""
        self.repeated = 0
        """Requests with an `id` that one of those kept had."""
        self.fails = self.refuses = self.slow = False
        self.hangs_up = False
        """Takes the message, and closes the connection without an answer."""
        self._last = 0
        self._wires: set[Wire] = set()

    # ---- the wire

    async def talk(self, wire: Wire) -> None:
        connection = h11.Connection(h11.SERVER, LONGEST_HEAD)
        self._wires.add(wire)
        try:
            with contextlib.suppress(Gone):
                while await self._exchange(connection, wire):
                    connection.start_next_cycle()
                await wire.close()
        finally:
            self._wires.discard(wire)

    async def _exchange(self, connection: h11.Connection, wire: Wire) -> bool:
        """One request; whether another may follow. Raises `Gone`."""
        try:
            taken = _message(*await _request(connection, wire))
        except h11.RemoteProtocolError as error:
            await _respond(connection, wire, error.error_status_hint)
            return False
        except BadRequest as error:
            await _respond(connection, wire, error.status, _complaint(BAD, error.why) if error.why else None)
            return _goes_on(connection)
        self._take(taken)
        if self.slow:
            await asyncio.sleep(SLOW)
        if taken.outcome == "cut":
            return False
        await _respond(connection, wire, *self._answer(taken))
        return _goes_on(connection)

    def _take(self, taken: Taken) -> None:
        if self.hangs_up:
            taken.outcome = "cut"
        elif self.fails:
            taken.outcome = "error"
        elif self.refuses:
            taken.outcome = "refused"
        known = taken.message.get("id")
        self.repeated += isinstance(known, str | int) and known in [each.message.get("id") for each in self.taken]
        self.taken.append(taken)

    def _answer(self, taken: Taken) -> tuple[int, dict[str, Any]]:
        if taken.outcome == "error":
            return 500, _complaint(BROKEN, "系统内部错误")
        if taken.outcome == "refused":
            return 200, _complaint(UNWANTED, "余额不足")
        self._last += 1
        return 200, {"code": ACCEPTED, "id": str(self._last)}

    # ---- what people do and see

    def controls(self) -> list[dict[str, Any]]:
        return [{"name": name, "label": label, "on": getattr(self, name)} for name, label in SWITCHES.items()]

    def control(self, name: str) -> None:
        """Raises KeyError for a name that `controls` does not list."""
        if name not in SWITCHES:
            raise KeyError(name)
        setattr(self, name, not getattr(self, name))

    def state(self) -> dict[str, Any]:
        return {
            "connections": len(self._wires),
            "repeated": self.repeated,
            "messages": [
                {"number": each.number, "text": each.text, "outcome": each.outcome} for each in self._newest()
            ],
        }

    def _newest(self) -> list[Taken]:
        return list(self.taken)[: -TOLD - 1 : -1]

    def picture(self) -> str:
        faults = [label for name, label in SWITCHES.items() if getattr(self, name)]
        shown = [(each.number, each.text, each.outcome) for each in self._newest()]
        return gateway_and_phone(faults[0] if faults else "正常", not faults, shown)


# ---- HTTP


async def _request(connection: h11.Connection, wire: Wire) -> tuple[bytes, bytes]:
    """(method, body). Raises `Gone`, `BadRequest`, `h11.RemoteProtocolError`."""
    method, body = b"", b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            if connection.they_are_waiting_for_100_continue:
                await wire.write(connection.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
            connection.receive_data(await wire.read())
        elif isinstance(event, h11.Request):
            method = event.method
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > LONGEST_BODY:
                raise BadRequest(413)
        elif isinstance(event, h11.EndOfMessage):
            return method, body


def _message(method: bytes, body: bytes) -> Taken:
    """Raises `BadRequest`."""
    if method != b"POST":
        raise BadRequest(405)
    try:
        message = json.loads(body)
        whole = json.dumps(message, ensure_ascii=False, allow_nan=False)
        whole.encode()  # halves of surrogate pairs are no text
    except (ValueError, RecursionError) as error:
        raise BadRequest(400, "不是 JSON") from error
    if not isinstance(message, dict):
        raise BadRequest(400, "不是 JSON 对象")
    number, text = message.get("number"), message.get("text")
    if isinstance(number, str) and isinstance(text, str):
        return Taken(message, number, text)
    return Taken(message, "", whole)


async def _respond(
    connection: h11.Connection, wire: Wire, status: int, answer: Mapping[str, Any] | None = None
) -> None:
    """Raises `Gone`."""
    body = b"" if answer is None else json.dumps(answer, ensure_ascii=False).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("Allow", "POST")]
    events = (h11.Response(status_code=status, headers=headers), h11.Data(data=body), h11.EndOfMessage())
    await wire.write(b"".join(connection.send(event) or b"" for event in events))


def _complaint(code: int, words: str) -> dict[str, Any]:
    return {"code": code, "msg": words}


def _goes_on(connection: h11.Connection) -> bool:
    return connection.our_state is h11.DONE and connection.their_state is h11.DONE


SIMULATOR = Gateway
