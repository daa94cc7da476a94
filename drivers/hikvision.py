"""Face and access terminals of Hikvision (明眸 DS-K1T.. and its kin) by ISAPI: HTTP on the terminal, Digest.

    GET  /ISAPI/Event/notification/alertStream         endless multipart: {"eventType": "AccessControllerEvent", ...}
    POST /ISAPI/AccessControl/AcsEvent?format=json     what happened since: {"AcsEventCond": {"startTime": ...}}
    GET, PUT /ISAPI/System/time                        <Time><localTime>2026-07-27T14:27:03+08:00</localTime>...
    POST /ISAPI/AccessControl/UserInfo/Search, /Record, PUT /Modify, PUT /ISAPI/AccessControl/UserInfoDetail/Delete

    [device.options]
    url = "http://10.0.0.40"                           # http:// only to private addresses
    user = "attendance"
    secrets_file = "/etc/hall-edge/terminal.toml"      # password = "..."
    utc_offset_minutes = 480                           # of the local time that it should show

The device's link says where it is, as in `tcp://10.0.0.40:80`: there is looked whether it can be reached. The stream is
opened first and then the memory is searched, so that nothing falls between them. A punch has several events; only those
that somebody's face, finger or card was recognised (major 5) are told, others are counted in `ignored`. Pictures are
thrown away as they come in.

Source: public notes and code on ISAPI, and its error words; the vendor's guide is not public. Nothing acknowledges a
record: it stays in the terminal's memory. Not proven on hardware.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Self, cast

import httpx

from drivers import hikvision_records as records
from drivers.base import (
    ClockRead,
    Condition,
    Device,
    DeviceEvent,
    Discarded,
    Enrolled,
    ProtocolError,
    Punched,
    Punches,
    Rejected,
    Unreachable,
    together,
)
from drivers.hikvision_access import LONGEST, bound, check, read_password
from drivers.hikvision_records import BEGINNING, Mark, Record, document, part
from drivers.hikvision_stream import Decoder, boundary

STREAM = "/ISAPI/Event/notification/alertStream"
EVENTS = "/ISAPI/AccessControl/AcsEvent?format=json"
TIME = "/ISAPI/System/time"
USERS = "/ISAPI/AccessControl/UserInfo"
DELETE = "/ISAPI/AccessControl/UserInfoDetail/Delete?format=json"

TIMEOUT_S = 10.0
IDLE_S = 120.0
"""A stream that has not even a heartbeat for so long is opened anew."""
CLOCK_S = 3600.0
PAGE = 30
MOST_PAGES, MOST_RECORDS, MOST_PEOPLE, MOST_SEEN, MOST_KINDS = 20_000, 20_000, 50_000, 4096, 256
STEP_BACK = timedelta(hours=1)
"""By how much the terminal's clock may have been set back while nobody listened."""


def now() -> datetime:
    return datetime.now(UTC)


async def open_client() -> httpx.AsyncClient:
    """Verifies certificates, follows no redirect, takes nothing from the environment, keeps no connection."""
    authorities = await asyncio.to_thread(httpx.create_ssl_context, trust_env=False)
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.AsyncClient(verify=authorities, trust_env=False, limits=limits)


@dataclass(slots=True)
class AccessTerminal(Device):
    """One terminal. The capability is `Terminal`."""

    OPTIONS: ClassVar[Mapping[str, type]] = {"url": str, "user": str, "secrets_file": str, "utc_offset_minutes": int}
    TELLS: ClassVar[tuple[type, ...]] = (Punched,)

    ignored: Counter[str] = field(default_factory=Counter, init=False)
    """Events by `major/minor` that are no punch of a person."""
    _client: httpx.AsyncClient | None = field(default=None, init=False, repr=False)
    _auth: httpx.DigestAuth | None = field(default=None, init=False, repr=False)
    _one: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False)
    _seen: dict[tuple[Any, ...], None] = field(default_factory=dict, init=False, repr=False)
    _before: Mark = field(default=Mark(BEGINNING, 0), init=False)
    """What was stored when the memory was searched."""
    _clock_due: float = field(default=0.0, init=False)

    @classmethod
    def lacks(cls, options: Mapping[str, Any], capability: type, address: int) -> str | None:
        check(options)
        return None

    def __post_init__(self) -> None:
        check(self.options)

    async def __aenter__(self) -> Self:
        """Raises `Misconfigured` when the file of secrets is wrong."""
        password = await asyncio.to_thread(read_password, self.options["secrets_file"])
        self._auth = httpx.DigestAuth(self.options["user"], password)
        self._client = await open_client()
        self._client.event_hooks = {"response": [bound]}
        return self

    async def hang_up(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    # ---- capability

    async def set_clock(self, local: datetime) -> None:
        await self._do("PUT", TIME, records.set_clock(local, self._offset), "application/xml")
        self._clock_due = 0.0  # what it shows now is news

    async def people(self) -> list[Enrolled]:
        found: list[Enrolled] = []
        async with aclosing(self._pages(f"{USERS}/Search?format=json", "UserInfoSearch", "UserInfo", {})) as pages:
            async for page in pages:
                found += [one for each in page if (one := records.enrolled(each)) is not None]
                if len(found) > MOST_PEOPLE:
                    raise ProtocolError(f"more than {MOST_PEOPLE} people")
        return found

    async def write_person(self, person: Enrolled) -> None:
        """See `drivers.base.Terminal`. Cards are given at the terminal itself: `card` is not written."""
        records.user(person, None)
        asked = {"EmployeeNoList": [{"employeeNo": person.person}]}
        there = self._pages(f"{USERS}/Search?format=json", "UserInfoSearch", "UserInfo", asked)
        users = [each async for page in there for each in page if str(each.get("employeeNo")) == person.person]
        body = json.dumps({"UserInfo": records.user(person, users[0] if users else None)}).encode("ascii")
        method, verb = ("PUT", "Modify") if users else ("POST", "Record")
        await self._do(method, f"{USERS}/{verb}?format=json", body)

    async def remove_person(self, person: str) -> None:
        """Their templates go with them, as soon as the terminal gets to it; one who is not there is removed already."""
        if not records.OWN_PERSON.fullmatch(person):
            raise Rejected("bad_person", "1 to 32 letters and digits")
        body = {"UserInfoDetail": {"mode": "byEmployeeNo", "EmployeeNoList": [{"employeeNo": person}]}}
        try:
            await self._do("PUT", DELETE, json.dumps(body).encode("ascii"))
        except Rejected as error:
            if error.reason != "unknown_person":
                raise

    # ---- events

    async def events(self) -> AsyncGenerator[DeviceEvent, None]:
        """What happened since the bookmark, then what happens, and hourly how its clock goes."""
        await (await self.opener()).close()
        try:
            async with aclosing(self._sessions()) as told:
                async for event in told:
                    yield event
                    self.bookmark = event.bookmark if isinstance(event, Punched | Punches) else self.bookmark
        except Rejected as error:
            raise Unreachable(str(error)) from error

    async def _sessions(self) -> AsyncGenerator[DeviceEvent, None]:
        while True:
            async with aclosing(self._session()) as told:
                async for event in told:
                    yield event

    async def _session(self) -> AsyncGenerator[DeviceEvent, None]:
        """Ends when the stream has been idle for too long."""
        async with self._opened("GET", STREAM) as response:
            if response.status_code != 200:
                records.judge(response.status_code, await self._read(response))
            yield await self._clock()
            async with aclosing(self._memory()) as past:
                async for event in past:
                    yield event
            async with aclosing(self._listen(response)) as present:
                async for event in present:
                    yield event

    async def _clock(self) -> ClockRead:
        """Half of the time that the answer took belongs to the way back."""
        self._clock_due = asyncio.get_running_loop().time() + CLOCK_S
        before = now()
        shown = records.clock(await self._exchange("GET", TIME))
        ours = before + (now() - before) / 2 + self._offset
        return ClockRead((shown - ours.replace(tzinfo=None)).total_seconds())

    async def _memory(self) -> AsyncGenerator[DeviceEvent, None]:
        more = True
        while more:
            self._before = Mark.read(self.bookmark)
            try:
                found, more = await self._search()
            except Rejected as error:
                if error.reason != "not_supported":
                    raise
                yield Condition("no_history", True)
                return
            found.sort(key=lambda each: each.mark)
            for punches in together(punch for record in found for punch in self._told(record)):
                yield punches

    async def _search(self) -> tuple[list[Record], bool]:
        """Punches that are not stored yet, and whether there are more than could be kept in mind."""
        since = max(self._before.at - STEP_BACK, BEGINNING)
        until = now() + timedelta(days=1)
        asked = {
            "major": 0,
            "minor": 0,
            "startTime": records.local(since, self._offset),
            "endTime": records.local(until, self._offset),
            "picEnable": False,
        }
        found: list[Record] = []
        async with aclosing(self._pages(EVENTS, "AcsEvent", "InfoList", asked)) as pages:
            async for page in pages:
                read = (records.of_search(each, self._offset) for each in page)
                found += [each for each in read if each is not None and self._counts(each)]
                if len(found) >= MOST_RECORDS:
                    return found, True
        return found, False

    def _counts(self, record: Record) -> bool:
        if record.mode is None:
            if record.kind in self.ignored or len(self.ignored) < MOST_KINDS:
                self.ignored[record.kind] += 1
            return False
        return record.live or not record.stored(self._before)

    def _told(self, record: Record) -> list[Punched]:
        """Nothing when it has been told already: the stream and the memory overlap."""
        key = (record.serial, record.at, record.person, record.kind)
        if key in self._seen:
            return []
        self._seen[key] = None
        if len(self._seen) > MOST_SEEN:
            del self._seen[next(iter(self._seen))]
        return [record.punched(str(max(Mark.read(self.bookmark), record.mark)))]

    async def _listen(self, response: httpx.Response) -> AsyncGenerator[DeviceEvent, None]:
        decoder = Decoder(boundary(response.headers.get("content-type", "")))
        async with aclosing(_raw(response)) as chunks:
            while (chunk := await self._chunk(chunks)) is not None:
                found = decoder.feed(chunk)
                self.counters.garbage, decoder.garbage = self.counters.garbage + decoder.garbage, 0
                self.counters.bad_frames, decoder.bad_frames = self.counters.bad_frames + decoder.bad_frames, 0
                for event in [each for one in found for each in self._part(one)]:
                    yield event
                if asyncio.get_running_loop().time() > self._clock_due:
                    yield await self._clock()

    async def _chunk(self, chunks: AsyncGenerator[bytes, None]) -> bytes | None:
        """None when nothing came for too long."""
        try:
            async with asyncio.timeout(IDLE_S):
                chunk = await anext(chunks)
        except TimeoutError:
            return None
        except StopAsyncIteration:
            raise Unreachable("the terminal ended its stream") from None
        except httpx.HTTPError as error:
            raise Unreachable(f"the stream broke: {type(error).__name__}") from None
        self.counters.bytes_in += len(chunk)
        return chunk

    def _part(self, found: bytes | str) -> list[DeviceEvent]:
        if isinstance(found, str):
            return [Discarded(found, 1)]
        try:
            record = records.of_alert(document(found), self._offset)
        except ProtocolError:
            self.counters.bad_frames += 1
            return []
        self.counters.frames_in += 1
        return [*self._told(record)] if record is not None and self._counts(record) else []

    # ---- exchanges

    @property
    def _offset(self) -> timedelta:
        return timedelta(minutes=self.options.get("utc_offset_minutes", 480))

    async def _pages(
        self, path: str, answer: str, items: str, asked: Mapping[str, Any]
    ) -> AsyncGenerator[list[dict[str, Any]], None]:
        """One search, page by page: the terminal decides how many are on one."""
        condition = {"AcsEvent": "AcsEventCond"}.get(answer, f"{answer}Cond")
        search, position = secrets.token_hex(16), 0
        for _ in range(MOST_PAGES):
            place = {"searchID": search, "searchResultPosition": position, "maxResults": PAGE}
            body = json.dumps({condition: {**place, **asked}}).encode("ascii")
            said = part(document(await self._exchange("POST", path, body)), answer)
            page = said.get(items)
            page = [each for each in page if isinstance(each, dict)] if isinstance(page, list) else []
            position += len(page)
            yield page
            if said.get("responseStatusStrg") != "MORE" or not page:
                return
        raise ProtocolError(f"more than {MOST_PAGES} pages")

    async def _do(self, method: str, path: str, body: bytes, kind: str = "application/json") -> None:
        """An exchange that is answered with how it went: statusCode 1, or 7 when it will count after a restart."""
        answer = await self._exchange(method, path, body, kind)
        said = document(answer)
        if records.number((part(said, "ResponseStatus") or said).get("statusCode")) not in (None, 1, 7):
            records.judge(400, answer)

    async def _exchange(self, method: str, path: str, body: bytes = b"", kind: str = "application/json") -> bytes:
        async with self._one, self._opened(method, path, body, kind) as response:
            answer = await self._read(response)
        records.judge(response.status_code, answer)
        self.counters.frames_in += 1
        return answer

    @asynccontextmanager
    async def _opened(
        self, method: str, path: str, body: bytes = b"", kind: str = "application/json"
    ) -> AsyncIterator[httpx.Response]:
        """The answer as soon as its head is there."""
        if self._client is None:
            raise Unreachable("the terminal is closed")
        headers = {"Accept-Encoding": "identity"} | ({"Content-Type": kind} if body else {})
        url = self.options["url"].rstrip("/") + path
        waits = httpx.Timeout(TIMEOUT_S, read=None)
        request = self._client.build_request(method, url, content=body, headers=headers, timeout=waits)
        self._client.cookies.clear()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                response = await self._client.send(request, auth=self._auth, stream=True)
        except TimeoutError as error:
            raise Unreachable(f"the terminal did not answer within {TIMEOUT_S:g} s") from error
        except httpx.HTTPError as error:  # whose words may be those of the answer
            raise Unreachable(type(error).__name__) from None
        except (KeyError, ValueError, NotImplementedError):
            raise ProtocolError("a challenge that cannot be understood") from None
        self.counters.bytes_out += len(body)
        try:
            yield response
        finally:
            await response.aclose()

    async def _read(self, response: httpx.Response) -> bytes:
        body = bytearray()
        try:
            async with asyncio.timeout(TIMEOUT_S), aclosing(_raw(response)) as chunks:
                while len(body) <= LONGEST and (chunk := await anext(chunks, b"")):
                    self.counters.bytes_in += len(chunk)
                    body += chunk
        except TimeoutError as error:
            raise Unreachable(f"the answer did not end within {TIMEOUT_S:g} s") from error
        except httpx.HTTPError as error:
            raise Unreachable(type(error).__name__) from None
        if len(body) > LONGEST:
            raise ProtocolError(f"the answer is longer than {LONGEST} bytes")
        return bytes(body)


def _raw(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    """Not unpacked: little could become much."""
    return cast(AsyncGenerator[bytes, None], response.aiter_raw())


DEVICE = AccessTerminal
