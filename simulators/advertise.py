"""Simulated printers make themselves known as real ones do: DNS-SD over mDNS (RFC 6763, RFC 6762).

A network printer that takes raw jobs announces `<name>._pdl-datastream._tcp.local.` with its port, and in the TXT
record what it is (`ty`) and where it stands (`note`), as the Bonjour Printing Specification names them. It says
goodbye when it is switched off in order, and takes another name (`printer-1-2`) when somebody has its own.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from socket import gethostname
from urllib.parse import urlsplit

from zeroconf import Error, IPVersion, ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

from simulators.hall import SimulatedDevice

TYPE = "_pdl-datastream._tcp.local."
LOOPBACK = "127.0.0.1"


def service(device: SimulatedDevice) -> ServiceInfo | None:
    """What this device says of itself; None when it is no printer on the network."""
    parts = urlsplit(device.link)
    if device.driver != "escpos" or parts.scheme != "tcp":
        return None
    return ServiceInfo(
        TYPE,
        f"{device.id}.{TYPE}",
        port=parts.port,
        parsed_addresses=[LOOPBACK if parts.hostname == "localhost" else str(parts.hostname)],
        properties={"txtvers": "1", "ty": "ESC/POS", "note": device.name, "pdl": "application/octet-stream"},
        server=f"{device.id}.{gethostname().partition('.')[0]}.local.",
    )


@contextlib.asynccontextmanager
async def advertised(
    devices: Iterable[SimulatedDevice], interfaces: Sequence[str], notice: Callable[[str], None]
) -> AsyncIterator[None]:
    """Makes the printers among them known while entered; that takes a second or two, which nobody waits for.

    A machine where this cannot be done still has its simulated hall: `notice` is told why.
    """
    printers = [each for each in (service(device) for device in devices) if each is not None]
    if not interfaces or not printers:
        yield
        return
    try:
        network = AsyncZeroconf(interfaces=list(interfaces), ip_version=IPVersion.V4Only)
    except OSError as error:
        notice(f"printers are not advertised: {error}")
        yield
        return
    telling = [asyncio.create_task(_tell(network, each, notice)) for each in printers]
    try:
        yield
    finally:
        for task in telling:
            task.cancel()
        await asyncio.gather(*telling, return_exceptions=True)
        await network.async_unregister_all_services()
        await network.async_close()


async def _tell(network: AsyncZeroconf, printer: ServiceInfo, notice: Callable[[str], None]) -> None:
    try:
        announcing = await network.async_register_service(printer, allow_name_change=True)
        await announcing
    except (OSError, Error) as error:
        notice(f"{printer.name} is not advertised: {error}")
