"""Printers that make themselves known on the hall's network (mDNS, RFC 6762 and 6763): proposals, nothing more.

Every answer is untrusted: whoever is on the network may send one. A person binds what was found to a device.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import AddressValueError, IPv4Address
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import zeroconf
from zeroconf import IPVersion, ServiceStateChange
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from edge.clock import Clock

log = logging.getLogger("hall.discovery")

TYPE = "_pdl-datastream._tcp.local."
"""Raw printing, port 9100 mostly: the one kind that we have a driver for."""
MOST_FOUND = 64
MOST_WAITING = 256
"""Names that may wait to be looked up; a flood of others is not heard."""
LOOK_UP_MS = 3_000
RETRY_S = 60.0
"""Before an interface that is not there is looked for again."""
LABEL, KEY, VALUE, PROPERTIES = 63, 32, 128, 16
"""Longest name of an instance (bytes; RFC 6763, 4.1.1), longest key and value of a property, most properties."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the network says of one instance, before anybody has looked at it."""

    addresses: Sequence[str] = ()
    port: int | None = None
    properties: Mapping[bytes, bytes | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Instance:
    name: str
    type: str
    """As in a link: `_pdl-datastream._tcp`."""
    address: str
    port: int
    properties: Mapping[str, str]
    """What it says of itself, such as `ty` (model) and `note` (where it stands)."""
    seen_at: int
    """UTC milliseconds."""

    @property
    def link(self) -> str:
        return f"mdns://{quote(self.name, safe='')}.{self.type}"


Heard = tuple[str, Answer | None]
"""The full name of an instance, and what it is now; None: it has said goodbye, or its time to live is over."""
Browse = Callable[[Sequence[str]], AsyncGenerator[Heard, None]]
"""On these interfaces (IPv4 addresses), for ever. Raises OSError when one is not there."""


class Discovery:
    """Keeps what is there to be bound; `run` it where the hall file names interfaces."""

    def __init__(self, interfaces: Sequence[str], clock: Clock, browse: Browse) -> None:
        self._interfaces, self._clock, self._browse = interfaces, clock, browse
        self._found: dict[str, Instance] = {}

    async def run(self) -> None:
        """Ends only by cancellation; without interfaces at once."""
        told = False
        while self._interfaces:
            try:
                await self._listen()
            except OSError as error:
                if not told:
                    log.warning("nothing is discovered on %s: %s", ", ".join(self._interfaces), error)
                told = True
            self._found.clear()
            await asyncio.sleep(RETRY_S)

    async def _listen(self) -> None:
        async with contextlib.aclosing(self._browse(self._interfaces)) as heard:
            async for name, answer in heard:
                self._note(name, answer)

    def _note(self, name: str, answer: Answer | None) -> None:
        key = name.casefold()
        instance = None if answer is None else accept(name, answer, self._clock.now().at)
        if instance is None:
            self._found.pop(key, None)
        elif key in self._found or len(self._found) < MOST_FOUND:
            self._found[key] = instance

    def unbound(self, links: Sequence[str]) -> list[Instance]:
        """What none of these links names, by its name or by its address and port."""
        named = {_target(link) for link in links}
        found = sorted(self._found.values(), key=lambda each: each.name)
        return [each for each in found if not named & {_target(each.link), (each.address, each.port)}]


def accept(name: str, answer: Answer, at: int) -> Instance | None:
    """The instance, or None when no printer of ours could be called so or be there."""
    label = _label(name)
    address = next(filter(_is_host, answer.addresses), None)
    if label is None or address is None or not answer.port or not 0 < answer.port < 65_536:
        return None
    told = _told(answer.properties)
    return Instance(label, TYPE.removesuffix(".local."), address, answer.port, told, at)


def _label(name: str) -> str | None:
    label = name.removesuffix(f".{TYPE}")
    fits = label != name and 0 < len(label.encode("utf-8", "replace")) <= LABEL
    return label if fits and label.strip() and label.isprintable() else None


def _is_host(address: str) -> bool:
    try:
        known = IPv4Address(address)
    except AddressValueError:
        return False
    return not (known.is_multicast or known.is_unspecified or known.is_reserved)


def _told(properties: Mapping[bytes, bytes | None]) -> dict[str, str]:
    """Short printable texts only; what is anything else is left out."""
    told: dict[str, str] = {}
    for raw, value in properties.items():
        key, text = raw.decode("utf-8", "replace"), (value or b"").decode("utf-8", "replace")
        fits = 0 < len(key) <= KEY and 0 < len(text) <= VALUE
        if fits and (key + text).isprintable() and len(told) < PROPERTIES:
            told[key] = text
    return told


def _target(link: str) -> object:
    """What a link leads to, comparable with that of another; None for what discovery could not find."""
    try:
        parts = urlsplit(link)
        if parts.scheme == "tcp":
            return parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme == "mdns":
        return unquote(parts.netloc).casefold().removesuffix(".").removesuffix(".local")
    return None


# ---- the network


async def browse(interfaces: Sequence[str]) -> AsyncGenerator[Heard, None]:
    """Asks and listens on these interfaces. One look-up at a time: a flood of names makes no flood of questions."""
    for each in interfaces:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((each, 0))  # zeroconf would find out too, but leave a socket open
    waiting: dict[str, ServiceStateChange] = {}
    more = asyncio.Event()

    def note(name: str, state_change: ServiceStateChange, **_: Any) -> None:
        if name in waiting or (_label(name) is not None and len(waiting) < MOST_WAITING):
            waiting[name] = state_change
            more.set()

    network = AsyncZeroconf(interfaces=list(interfaces), ip_version=IPVersion.V4Only)
    browser = AsyncServiceBrowser(network.zeroconf, [TYPE], handlers=[note])
    try:
        while True:
            await more.wait()
            name = next(iter(waiting))
            gone = waiting.pop(name) is ServiceStateChange.Removed
            if not waiting:
                more.clear()
            answer = None if gone else await _look_up(network, name)
            if gone or answer is not None:
                yield name, answer
    finally:
        await browser.async_cancel()
        await network.async_close()


async def _look_up(network: AsyncZeroconf, name: str) -> Answer | None:
    """None when it does not say where it is: then what was known of it stays."""
    try:
        info = AsyncServiceInfo(TYPE, name)
        if not await info.async_request(network.zeroconf, LOOK_UP_MS):
            return None
    except zeroconf.Error as error:
        log.debug("%r cannot be looked up: %s", name, error)
        return None
    return Answer(info.parsed_addresses(IPVersion.V4Only), info.port, info.properties)
