"""Links by name: `mdns://Printer-1._pdl-datastream._tcp` is looked up at each connect (RFC 6763, RFC 6762).

A printer whose address changed is found again, because nothing is remembered. `?interface=127.0.0.1` keeps the question
on one network interface. The answer is only an address: it is trusted no more than one written in the hall file.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from ipaddress import IPv4Address
from urllib.parse import SplitResult, parse_qs, unquote

import zeroconf
from zeroconf import InterfaceChoice, IPVersion
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from drivers.base import Misconfigured, Unreachable

NAME = re.compile(r"(.+)\.(_[a-z0-9](?:[a-z0-9-]{0,13}[a-z0-9])?\._(?:tcp|udp))(?:\.local)?\.?", re.I | re.S)
"""Instance and service type; the type's own name has 1 to 15 letters, digits and hyphens (RFC 6335, 5.1)."""


def instance(parts: SplitResult) -> tuple[str, str]:
    """(service type, full name), both ending in `.local.`. Raises Misconfigured."""
    found = NAME.fullmatch(unquote(parts.netloc))
    if found is None:
        raise Misconfigured(f"{parts.geturl()}: write mdns://Name._service._tcp")
    return f"{found[2]}.local.", f"{found[1]}.{found[2]}.local."


async def resolve(parts: SplitResult, within: float) -> tuple[str, int]:
    """(address, port) of the instance now.

    Raises Unreachable when nobody answers to that name, Misconfigured when no instance or interface can have it.
    """
    type_, name = instance(parts)
    query = parse_qs(parts.query)
    interfaces = query.pop("interface", [])
    if query:
        raise Misconfigured(f"{parts.geturl()}: unknown {', '.join(sorted(query))}; known is interface")
    try:
        _must_be_here(interfaces)
        info = AsyncServiceInfo(type_, name)
        network = AsyncZeroconf(interfaces=interfaces or InterfaceChoice.All, ip_version=IPVersion.V4Only)
        try:
            found = await info.async_request(network.zeroconf, within * 1000)
        finally:
            await network.async_close()
    except OSError as error:
        raise Unreachable(f"{name}: {error}") from error
    except (zeroconf.Error, ValueError) as error:
        raise Misconfigured(f"{parts.geturl()}: {error}") from error
    addresses = info.parsed_addresses(IPVersion.V4Only)
    if not found or not addresses or not info.port:
        raise Unreachable(f"nobody on the network answers to {name}")
    return addresses[0], info.port


def _must_be_here(interfaces: Iterable[str]) -> None:
    """Raises OSError when one is no address of this machine, ValueError when it is no IPv4 address.

    The library would find out too, but leave its first socket open.
    """
    for each in interfaces:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((str(IPv4Address(each)), 0))
