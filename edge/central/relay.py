"""Sends the journal to the central system as CloudEvents over HTTP, in order, until each is acknowledged.

Answers: 2xx and 409 delivered · 408, 425, 429, 5xx and no answer: again, with jittered back-off and without an end ·
401, 403 and redirects: stop and say so, it is no fault of the event · any other 4xx: that event is parked, and later
ones of its key behind it, so that order per key holds and other keys flow on.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

import httpx

from edge.central import outbox
from edge.clock import rfc3339
from edge.database import Database, Writer
from edge.hall import Hall
from edge.journal import Event, Journal
from edge.refusal import Refused

log = logging.getLogger("hall.central")

SAVE_EVERY = 50
"""Events between two saved positions; after a crash at most so many are sent again, with the same ids."""
TIMEOUT_S = 10.0
FIRST_S, LONGEST_S = 0.5, 60.0
LONGEST_ASKED_S = 600.0
"""The centre may ask for so long a pause (Retry-After), no longer: a slip of its hand must not stop us for days."""
WHY = {"away": "联系不上中心，事件留在本机，会自动补传", "refused": "中心不让进，请检查地址和口令"}
Client = httpx.AsyncClient
Verdict = Literal["delivered", "again", "refused", "parked"]


def open_client() -> Client:
    """Never follows a redirect, and never takes a proxy from the environment."""
    return Client(timeout=TIMEOUT_S, trust_env=False)


@dataclass(slots=True)
class Answer:
    verdict: Verdict
    error: str = ""
    retry_after: float | None = None


class Relay:
    def __init__(
        self, hall: Hall, journal: Journal, database: Database, writer: Writer, random: Random, client: Client
    ) -> None:
        self._hall, self._journal, self._database, self._writer = hall, journal, database, writer
        self._random, self._client = random, client
        self._parking = asyncio.Lock()
        self.state: Literal["off", "ok", "away", "refused"] = "ok" if hall.central.url else "off"
        self.last_error: str | None = None
        with database.read() as connection:
            self.delivered = outbox.position(connection)
        self._blocked = {each.key for each in self._parked()}

    async def run(self) -> None:
        """Ends by cancellation, or when the journal is closed; without a central URL it only waits."""
        if self._hall.central.url is None:
            await asyncio.Event().wait()
        while events := await self._journal.after(self.delivered):
            for event in events[:SAVE_EVERY]:
                await self._deliver(event)
            await self._writer.insist(outbox.delivered, self.delivered)

    async def _deliver(self, event: Event) -> None:
        answer: Answer | None = None
        if event.key not in self._blocked:
            answer = await self._until_answered(event)
        async with self._parking:
            if answer is None and event.key in self._blocked:
                answer = Answer("parked", "waits behind a parked event of the same key")
            if answer is not None and answer.verdict == "parked":
                self._blocked.add(event.key)
                await self._writer.insist(outbox.park, outbox.Park(event.seq, event.key, event.type, answer.error))
        if answer is None:  # its key was freed while we looked
            await self._deliver(event)
        self.delivered = event.seq

    async def _until_answered(self, event: Event) -> Answer:
        attempt = 0
        while True:
            answer = await self._send(event)
            if answer.verdict in ("delivered", "parked"):
                self._now("ok", None)
                return answer
            self._now("away" if answer.verdict == "again" else "refused", answer.error)
            pause = min(LONGEST_S, FIRST_S * 2 ** min(attempt, 10)) * self._random.uniform(0.5, 1.0)
            await asyncio.sleep(max(pause, answer.retry_after or 0.0))
            attempt += 1

    def _now(self, state: Literal["ok", "away", "refused"], error: str | None) -> None:
        if state != self.state:
            log.warning("central is %s%s", state, f": {error}" if error else "")
        self.state, self.last_error = state, error

    async def _send(self, event: Event) -> Answer:
        try:
            response = await self._client.post(
                str(self._hall.central.url),
                json=cloud_event(self._hall, event),
                headers={"Content-Type": "application/cloudevents+json"},
            )
        except httpx.HTTPError as error:
            return Answer("again", str(error) or type(error).__name__)
        return _judge(response)

    async def retry(self, seq: int) -> int:
        """Sends a parked event again, and those behind it; returns how many went through. Raises Refused."""
        key = next((each.key for each in self._parked() if each.seq == seq), None)
        if key is None:
            raise Refused("not_parked", "这条事件不在搁置清单里", f"seq {seq}", status=404)
        sent = 0
        while True:
            async with self._parking:
                waiting = self._parked(key)
                if not waiting:
                    self._blocked.discard(key)
                    return sent
            answer = await self._send(self._journal.read(waiting[0].seq - 1, 1)[0])
            if answer.verdict != "delivered":
                return sent
            await self._writer.do(outbox.unpark, waiting[0].seq)
            sent += 1

    def _parked(self, key: str | None = None) -> list[outbox.Park]:
        with self._database.read() as connection:
            return outbox.parked(connection, key)

    def status(self) -> dict[str, Any]:
        """What the centre has not got, and since when."""
        waiting = self._journal.last - self.delivered
        oldest = self._journal.read(self.delivered, 1) if waiting > 0 else []
        set_aside = self._parked()
        return {
            "waiting": max(0, waiting),
            "since": rfc3339(oldest[0].at, self._hall.zone_info) if oldest else None,
            "delivered": self.delivered - len(set_aside),
            "state": self.state,
            "why": WHY.get(self.state),
            "last_error": self.last_error,
            "parked": [{"seq": each.seq, "type": each.type, "error": each.error} for each in set_aside],
        }


def _judge(response: httpx.Response) -> Answer:
    code = response.status_code
    if 200 <= code < 300 or code == 409:
        return Answer("delivered")
    error = f"HTTP {code}"
    if code in (408, 425, 429) or code >= 500:
        after = response.headers.get("Retry-After", "")
        asked = min(float(after), LONGEST_ASKED_S) if after.isascii() and after.isdigit() else None
        return Answer("again", error, asked)
    if code in (401, 403) or code < 400:
        return Answer("refused", error)
    return Answer("parked", f"{error}: {response.text[:200]}")


def cloud_event(hall: Hall, event: Event) -> dict[str, Any]:
    """CloudEvents 1.0, structured; `source` and `id` together are unique for ever and the same on every resend."""
    return {
        "specversion": "1.0",
        "id": event.id,
        "source": f"/halls/{hall.hall.code}",
        "type": event.type,
        "time": rfc3339(event.at, hall.zone_info),
        "subject": event.key,
        "datacontenttype": "application/json",
        "data": {**event.data, "actor": event.actor, "day": event.day},
        "seq": event.seq,
        "key": event.key,
        "clockok": event.clock_ok,
        "chain": event.hash,
    }
