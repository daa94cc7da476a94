"""Links by name: `mdns://Printer-1._pdl-datastream._tcp` is looked up at each connect (RFC 6763, RFC 6762).

A printer whose address changed is found again, because nothing is remembered. `?interface=127.0.0.1` keeps the question
on one network interface. The answer is only an address: it is trusted no more than one written in the hall file.
"""

from __future__ import annotations

from urllib.parse import SplitResult, parse_qs, unquote

from zeroconf import InterfaceChoice, IPVersion
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from drivers.base import Misconfigured, Unreachable

PROTOCOLS = ("._tcp", "._udp")


def instance(parts: SplitResult) -> tuple[str, str]:
    """(service type, full name), both ending in `.local.`. Raises Misconfigured."""
    name = unquote(parts.netloc).removesuffix(".").removesuffix(".local")
    label, _, kind = name.rpartition("._")
    label, _, service = label.rpartition("._")
    if not label or f"._{kind}" not in PROTOCOLS:
        raise Misconfigured(f"{parts.geturl()}: write mdns://Name._service._tcp")
    type_ = f"_{service}._{kind}.local."
    return type_, f"{label}.{type_}"


async def resolve(parts: SplitResult, within: float) -> tuple[str, int]:
    """(address, port) of the instance now. Raises Unreachable when nobody answers to that name."""
    type_, name = instance(parts)
    interfaces = parse_qs(parts.query).get("interface") or InterfaceChoice.All
    network = AsyncZeroconf(interfaces=interfaces, ip_version=IPVersion.V4Only)
    try:
        info = AsyncServiceInfo(type_, name)
        found = await info.async_request(network.zeroconf, within * 1000)
    except OSError as error:
        raise Unreachable(f"{name}: {error}") from error
    finally:
        await network.async_close()
    addresses = info.parsed_addresses()
    if not found or not addresses or not info.port:
        raise Unreachable(f"nobody on the network answers to {name}")
    return addresses[0], info.port
