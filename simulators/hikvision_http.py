"""HTTP/1.1 on a raw wire, and the digest that guards a Hikvision terminal (RFC 7616, qop=auth only).

401 carries a challenge with a fresh nonce; a nonce that is too old, or was used with this count before, is stale. After
`TRIES` wrong answers in a row everybody is locked out for `LOCKED_S`, and told so without a challenge.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from hmac import compare_digest
from random import Random
from typing import Literal
from urllib.parse import parse_qs, urlsplit

import h11

from simulators.port import Wire

LONGEST_HEAD, LONGEST_BODY = 16 * 1024, 64 * 1024
REALM = "IP Camera(SIM01)"
NONCE_S, LOCKED_S = 300.0, 1800.0
TRIES, NONCES = 5, 1000

Algorithm = Literal["MD5", "SHA-256"]
Verdict = Literal["good", "none", "stale", "wrong", "locked"]


class TooLong(Exception):
    """The body is longer than `LONGEST_BODY`."""


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    target: str
    """As it stood in the request line."""
    headers: Mapping[str, str]
    """By their names in small letters."""
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def wants_json(self) -> bool:
        return parse_qs(urlsplit(self.target).query).get("format") == ["json"]


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes = b""
    kind: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


async def request(connection: h11.Connection, wire: Wire) -> Request:
    """Raises `Gone`, `TooLong`, `h11.RemoteProtocolError`."""
    head, body = None, b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            if connection.they_are_waiting_for_100_continue:
                await wire.write(connection.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
            connection.receive_data(await wire.read())
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > LONGEST_BODY:
                raise TooLong
        elif isinstance(event, h11.EndOfMessage):
            assert head is not None
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
            return Request(head.method.decode("latin-1"), head.target.decode("latin-1"), headers, body)


async def respond(connection: h11.Connection, wire: Wire, answer: Answer) -> bool:
    """Whether another request may follow. Raises `Gone`."""
    headers = [("Content-Type", answer.kind), ("Content-Length", str(len(answer.body))), *answer.headers]
    events = (h11.Response(status_code=answer.status, headers=headers), h11.Data(data=answer.body), h11.EndOfMessage())
    await wire.write(b"".join(connection.send(event) or b"" for event in events))
    return connection.our_state is h11.DONE and connection.their_state is h11.DONE


# ---- digest


class Guard:
    def __init__(self, user: str, password: str, algorithm: Algorithm, seed: str) -> None:
        self._user, self._password, self._algorithm = user, password, algorithm
        self._random = Random(seed)  # noqa: S311  a simulator's secrets are none
        self._nonces: OrderedDict[str, tuple[float, int]] = OrderedDict()
        """When each was made, and the highest count that was used with it."""
        self.failures = 0
        self._locked_until = float("-inf")

    @property
    def locked(self) -> bool:
        return asyncio.get_running_loop().time() < self._locked_until

    def challenge(self, *, stale: bool) -> str:
        """The value of WWW-Authenticate."""
        nonce = f"{self._random.getrandbits(128):032x}"
        self._nonces[nonce] = (asyncio.get_running_loop().time(), 0)
        while len(self._nonces) > NONCES:
            self._nonces.popitem(last=False)
        return (
            f'Digest qop="auth", realm="{REALM}", nonce="{nonce}", algorithm={self._algorithm}, '
            f'stale="{"TRUE" if stale else "FALSE"}"'
        )

    def judge(self, asked: Request) -> Verdict:
        if self.locked:
            return "locked"
        scheme, _, rest = asked.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "digest":
            return "none"
        told = {name.lower(): quoted or plain for name, quoted, plain in _PARAMETER.findall(rest)}
        verdict = self._verdict(asked, told)
        if verdict == "wrong":
            self.failures += 1
            if self.failures >= TRIES:
                self._locked_until = asyncio.get_running_loop().time() + LOCKED_S
                self.failures = 0
        elif verdict == "good":
            self.failures = 0
        return verdict

    def _verdict(self, asked: Request, told: Mapping[str, str]) -> Verdict:
        expected = self._expected(asked.method, told)
        given = told.get("response", "").lower()
        right = told.get("username") == self._user and told.get("uri") == asked.target and told.get("qop") == "auth"
        if not right or not compare_digest(expected, given.encode()):
            return "wrong"
        nonce, count = told["nonce"], told.get("nc", "")
        born, used = self._nonces.get(nonce, (float("-inf"), 0))
        number = int(count, 16) if re.fullmatch(r"[0-9a-fA-F]{8}", count) else 0
        if asyncio.get_running_loop().time() - born > NONCE_S or number <= used:
            return "stale"
        self._nonces[nonce] = (born, number)
        return "good"

    def _expected(self, method: str, told: Mapping[str, str]) -> bytes:
        secret = self._hash(f"{self._user}:{REALM}:{self._password}")
        what = self._hash(f"{method}:{told.get('uri', '')}")
        parts = [secret, *(told.get(name, "") for name in ("nonce", "nc", "cnonce", "qop")), what]
        return self._hash(":".join(parts)).encode()

    def _hash(self, text: str) -> str:
        name = {"MD5": "md5", "SHA-256": "sha256"}[self._algorithm]
        return hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest()


_PARAMETER = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,"]+))')
