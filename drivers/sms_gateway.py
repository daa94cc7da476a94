"""SMS gateways that take a message as one HTTP request. There is no standard: the hall file says what the request is.

    us -> gateway    POST /send HTTP/1.1 ... {"to": "13800138000", "content": "...", "key": "..."}
    gateway -> us    HTTP/1.1 200 OK ... {"code": 0, "data": {"id": "8731"}}

    [device.options]
    url = "https://sms.example.gov.cn/send"
    headers = { Authorization = "Bearer {token}" }
    body = { to = "{number}", content = "{text}", request = "{id}" }
    ok = { code = 0 }                              # what a message that was taken is answered with, besides HTTP 2xx
    reference = "/data/id"                         # where the answer has it: a key, or a JSON pointer (RFC 6901)
    secrets_file = "/etc/hall-edge/sms.toml"       # token = "..."

The device's link says where the gateway is, as in `tcp://sms.example.gov.cn:443`: there is looked whether it can be
reached. What becomes of a message is not told.

Source: RFC 9110 for what a status means. Only computed frames; not proven on hardware.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import stat
import tomllib
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any, ClassVar, Final, Self

import httpx

from drivers.base import Device, DeviceEvent, Misconfigured, ProtocolError, Rejected, Unreachable

# ---- the request

OURS: Final = ("number", "text", "id")
BLANK = re.compile(r"\{([a-z][a-z0-9_]*)\}")
NUMBER = re.compile(r"\+?[0-9]{3,15}")


def fill(template: Any, values: Mapping[str, str]) -> Any:
    """The template with its `{blanks}` filled, in strings at any depth. Raises `Misconfigured` for one without a value.

    What is filled in is not looked at again: a text may have braces.
    """
    if isinstance(template, dict):
        return {key: fill(value, values) for key, value in template.items()}
    if isinstance(template, list):
        return [fill(value, values) for value in template]
    if not isinstance(template, str):
        return template
    if unknown := set(BLANK.findall(template)) - values.keys():
        raise Misconfigured(f"nothing is known to put in {{{min(unknown)}}}")
    return BLANK.sub(lambda blank: values[blank[1]], template)


def blanks(template: Any) -> Iterator[str]:
    if isinstance(template, str):
        yield from BLANK.findall(template)
    elif isinstance(template, dict | list):
        for value in template.values() if isinstance(template, dict) else template:
            yield from blanks(value)


# ---- the answer

WRONG: Final = (401, 403, 404, 405)
BUSY: Final = (408, 425, 429, 503)
LONGEST: Final = 65536
LONGEST_REFERENCE: Final = 64
MISSING: Final = object()


def find(document: Any, place: str) -> Any:
    """What a JSON document has under a key or a JSON pointer; `MISSING` when there is nothing."""
    steps = [place] if not place.startswith("/") else place[1:].split("/")
    for step in steps:
        name = step.replace("~1", "/").replace("~0", "~") if place.startswith("/") else step
        if isinstance(document, dict):
            document = document.get(name, MISSING)
        elif isinstance(document, list) and name.isdecimal() and int(name) < len(document):
            document = document[int(name)]
        else:
            return MISSING
    return document


def judge(status: int, body: bytes, ok: Mapping[str, Any], reference: str) -> str | None:
    """The gateway's reference for a message that it took, None when it gave none. Raises the four errors for others.

    `Misconfigured` for a redirect, for 401, 403, 404 and 405; `Rejected`, `busy` or `refused`, for other 4xx, for 503
    and for an answer that is not `ok`. Nobody knows whether the message went out after `Unreachable` for other 5xx, and
    `ProtocolError` for an answer that lacks what `ok` asks for.
    """
    if status in BUSY:
        raise Rejected("busy", f"HTTP {status}")
    if status in WRONG or 300 <= status < 400:
        raise Misconfigured(f"the gateway answers HTTP {status}")
    if 400 <= status < 500:
        raise Rejected("refused", f"HTTP {status}")
    if not 200 <= status < 300:
        raise Unreachable(f"the gateway answers HTTP {status}")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = MISSING
    for place, wanted in ok.items():
        said = find(document, place)
        if said is MISSING:
            raise ProtocolError(f"the answer has no {place}")
        if said != wanted or isinstance(said, bool) != isinstance(wanted, bool):
            raise Rejected("refused", f"{place} is {_harmless(said)}")
    named = find(document, reference) if reference else MISSING
    fits = isinstance(named, str | int) and not isinstance(named, bool) and 0 < len(str(named)) <= LONGEST_REFERENCE
    return str(named) if fits else None


def _harmless(said: Any) -> str:
    """For the log: a code, never what could be a number or a text."""
    known = isinstance(said, bool) or (isinstance(said, int) and abs(said) < 1_000_000)
    return str(said) if known or (isinstance(said, str) and re.fullmatch(r"[A-Za-z_.-]{1,40}", said)) else "another"


# ---- options

SECRET = re.compile("authorization|cookie|key|token|secret|password", re.IGNORECASE)
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
OWN: Final = ("content-length", "content-type", "host", "transfer-encoding")
CHECKOUT: Final = Path(__file__).resolve().parents[1]


def check(options: Mapping[str, Any]) -> None:
    """Raises `Misconfigured` for what can be seen to be wrong without the file of secrets."""
    _check_url(str(options.get("url", "")))
    if lacking := {"number", "text"} - set(blanks(options.get("body", {}))):
        raise Misconfigured(f"body has no {{{min(lacking)}}}")
    for name, value in options.get("headers", {}).items():
        if not TOKEN.fullmatch(name) or name.lower() in OWN or not isinstance(value, str):
            raise Misconfigured(f"{name!r} cannot be one of headers")
        if set(blanks(value)).intersection(OURS):
            raise Misconfigured(f"headers: {name} would tell of the message where it may be logged")
        if SECRET.search(name) and not BLANK.search(value):
            raise Misconfigured(f'headers: write {name} = "{{name}}", and its value in secrets_file')


def _check_url(url: str) -> None:
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise Misconfigured(f"url: {error}") from error
    safe = parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.host))
    if not parts.host or not safe or parts.userinfo:
        raise Misconfigured("url is https://host/path, without a name or a password")
    if BLANK.search(url):
        raise Misconfigured("url has no {blanks}: it may be logged")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def read_secrets(name: str) -> dict[str, str]:
    """Names and values of a TOML file that only its owner may write, and others may not read."""
    path = Path(name)
    if not path.is_absolute() or path.resolve().is_relative_to(CHECKOUT):
        raise Misconfigured("secrets_file is an absolute path, not in the checkout")
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode) or mode & 0o027:
            raise Misconfigured(f"secrets_file: chmod 640 {path}")
        found = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise Misconfigured(f"secrets_file: {path}: {error.strerror}") from error
    except ValueError:  # says what stands there
        raise Misconfigured(f"secrets_file: {path} is no TOML") from None
    if wrong := [key for key, value in found.items() if not isinstance(value, str) or key in OURS]:
        raise Misconfigured(f"secrets_file: {', '.join(wrong)} cannot be there: it has names and strings")
    return found


# ---- device

TIMEOUT_S, PROBE_S = 10.0, 60.0


async def open_client() -> httpx.AsyncClient:
    """Verifies certificates, follows no redirect, takes nothing from the environment, keeps no connection that may die.

    Made once for many messages: reading the authorities takes tens of milliseconds.
    """
    authorities = await asyncio.to_thread(httpx.create_ssl_context, trust_env=False)
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.AsyncClient(verify=authorities, trust_env=False, limits=limits, timeout=TIMEOUT_S)


@dataclass(slots=True)
class Gateway(Device):
    """A gateway. The capability is `Messenger`; it tells no events."""

    OPTIONS: ClassVar[Mapping[str, type]] = {
        "url": str,
        "headers": dict,
        "body": dict,
        "ok": dict,
        "reference": str,
        "secrets_file": str,
    }

    _client: httpx.AsyncClient | None = field(default=None, init=False)
    _secrets: dict[str, str] = field(default_factory=dict, init=False)
    _headers: dict[str, str] = field(default_factory=dict, init=False)

    @classmethod
    def lacks(cls, options: Mapping[str, Any], capability: type, address: int) -> str | None:
        check(options)
        return None

    def __post_init__(self) -> None:
        check(self.options)

    async def __aenter__(self) -> Self:
        """Raises `Misconfigured` when the file of secrets is wrong or lacks what the templates ask for."""
        if name := self.options.get("secrets_file"):
            self._secrets = await asyncio.to_thread(read_secrets, name)
        self._headers = fill(self.options.get("headers", {}), self._secrets)
        if bad := [name for name, value in self._headers.items() if not (value.isascii() and value.isprintable())]:
            raise Misconfigured(f"headers: {bad[0]} is not printable ASCII")
        fill(self.options["body"], self._secrets | dict.fromkeys(OURS, ""))
        self._client = await open_client()
        return self

    async def hang_up(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def send_text(self, number: str, text: str) -> str:
        """See `drivers.base.Messenger`, and `judge` for the errors; takes `TIMEOUT_S` at most.

        The reference is the gateway's, or the `{id}` that it was sent.
        """
        to = re.sub(r"[\s()-]", "", number)
        if not NUMBER.fullmatch(to):
            raise Rejected("bad_number")
        own = secrets.token_hex(16)
        values = self._secrets | {"number": to, "text": text, "id": own}
        status, body = await self._post(json.dumps(fill(self.options["body"], values)).encode("ascii"))
        return judge(status, body, self.options.get("ok", {}), self.options.get("reference", "")) or own

    async def _post(self, content: bytes) -> tuple[int, bytes]:
        if self._client is None:
            raise Unreachable("the gateway is closed")
        # What it answers is read as it is: unpacked, little could become much.
        headers = self._headers | {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        self._client.cookies.clear()
        try:
            async with (
                asyncio.timeout(TIMEOUT_S),
                self._client.stream("POST", self.options["url"], content=content, headers=headers) as response,
            ):
                self.counters.bytes_out += len(content)
                return response.status_code, await self._read(response)
        except TimeoutError as error:
            raise Unreachable(f"the gateway did not answer within {TIMEOUT_S:g} s") from error
        except httpx.ConnectError as error:
            raise Unreachable(str(error)) from error
        except httpx.HTTPError as error:  # whose words may be those of the answer
            raise Unreachable(type(error).__name__) from None

    async def _read(self, response: httpx.Response) -> bytes:
        body = bytearray()
        async for chunk in response.aiter_raw():
            self.counters.bytes_in += len(chunk)
            body += chunk
            if len(body) > LONGEST:
                raise ProtocolError(f"the answer is longer than {LONGEST} bytes")
        self.counters.frames_in += 1
        return bytes(body)

    async def events(self) -> AsyncGenerator[DeviceEvent, None]:
        """Tells nothing. Raises `Unreachable` when nobody is there any more."""
        while True:
            link = await self.opener()
            await link.close()
            await asyncio.sleep(PROBE_S)
        yield  # type: ignore[unreachable]  # it is a generator all the same


DEVICE = Gateway
