"""Where an ISAPI terminal may be, and the password that is kept outside the checkout; see hikvision.py for the wire."""

from __future__ import annotations

import stat
import tomllib
from collections.abc import AsyncIterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

import httpx

from drivers.base import Misconfigured

CHECKOUT: Final = Path(__file__).resolve().parents[1]
LONGEST: Final = 1024 * 1024
"""Bytes of an answer: a page of people has some 20000."""


def check(options: Mapping[str, Any]) -> None:
    """Raises `Misconfigured` for what can be seen to be wrong without the file of secrets."""
    try:
        url = httpx.URL(str(options.get("url", "")))
    except httpx.InvalidURL as error:
        raise Misconfigured(f"url: {error}") from error
    if not url.host or url.path not in ("", "/") or url.userinfo or url.query or url.fragment:
        raise Misconfigured('url is only "http://10.0.0.40", or with https:// and a name')
    if url.scheme != "https" and not (url.scheme == "http" and is_near(url.host)):
        raise Misconfigured("url: http:// only to a private address, https:// to any other")
    for name in ("user", "secrets_file"):
        if not options.get(name):
            raise Misconfigured(f"it has no option {name}")
    if not -720 <= options.get("utc_offset_minutes", 480) <= 840:
        raise Misconfigured("utc_offset_minutes is from -720 to 840")


def is_near(host: str) -> bool:
    """Whether it is an address that cannot be outside of the hall's network."""
    try:
        return ip_address(host).is_private
    except ValueError:
        return host == "localhost"


def read_password(name: str) -> str:
    """`password = "..."` of a TOML file that only its owner may write, and others may not read."""
    path = Path(name)
    if not path.is_absolute() or path.resolve().is_relative_to(CHECKOUT):
        raise Misconfigured("secrets_file is an absolute path, not in the checkout")
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode) or mode & 0o027:
            raise Misconfigured(f"secrets_file: chmod 640 {path}")
        found = tomllib.loads(path.read_text("utf-8")).get("password")
    except OSError as error:
        raise Misconfigured(f"secrets_file: {path}: {error.strerror}") from error
    except ValueError:  # says what stands there
        raise Misconfigured(f"secrets_file: {path} is no TOML") from None
    if not isinstance(found, str) or not found:
        raise Misconfigured(f'secrets_file: {path} has no password = "..."')
    return found


class Bounded(httpx.AsyncByteStream):
    """Of a refusal, which is read to its end before the request is sent again."""

    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = LONGEST
        async for chunk in self._stream:
            left -= len(chunk)
            if left < 0:
                raise httpx.ReadError("too long")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


async def bound(response: httpx.Response) -> None:
    if response.status_code == 401 and isinstance(response.stream, httpx.AsyncByteStream):
        response.stream = Bounded(response.stream)
