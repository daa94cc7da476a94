"""Tells a terminal the next person whom it should know, or forget, and asks it once a day whom it knows."""

from __future__ import annotations

from drivers.base import DeviceError, Enrolled, Rejected, Terminal, Unreachable
from edge import hall as halls
from edge.attendance import enrolments
from edge.clock import Clock
from edge.database import Database, Writer
from edge.devices.hub import Hub
from edge.devices.terminals import terminals


async def follow_roster(hall: halls.Hall, writer: Writer, hub: Hub, person: str | None = None) -> None:
    """Plans who is on which terminal, everybody or one person, and has the terminals told what is new."""
    devices = terminals(hall)
    if devices:
        await writer.insist(enrolments.plan, enrolments.Plan(devices, person))
    for device in devices:
        hub.wake(device)


class Enrolling:
    def __init__(self, database: Database, writer: Writer, clock: Clock) -> None:
        self._database, self._writer, self._clock = database, writer, clock
        self._asked: dict[str, tuple[str, Terminal | None]] = {}
        """When whom each terminal knows was last asked, and on which connection; None: it did not say."""

    async def next(self, config: halls.Device, terminal: Terminal) -> bool:
        """False when there is nothing to tell or to ask. Raises what the device raised, once that is noted.

        What is cut off between the terminal and the mark is told again, and changes nothing there.
        """
        with self._database.read() as connection:
            transfer = enrolments.claim(connection, config.id)
        if transfer is None:
            return await self._ask(config.id, terminal)
        try:
            if transfer.wanted:
                await terminal.write_person(Enrolled(transfer.person, transfer.name))
            else:
                await terminal.remove_person(transfer.person)
        except DeviceError as error:
            await self._writer.insist(enrolments.failed, enrolments.Failed(transfer, _reason(error)))
            raise
        await self._writer.insist(enrolments.done, transfer)
        return True

    async def _ask(self, device: str, terminal: Terminal) -> bool:
        """Once a connection and day; one that could not say is not asked again on that day."""
        today = self._clock.now().day
        day, told = self._asked.get(device, ("", None))
        if day == today and (told is None or told is terminal):
            return False
        self._asked[device] = today, None
        found = await terminal.people()
        self._asked[device] = today, terminal
        known = tuple(enrolments.Known(each.person, each.modes) for each in found)
        await self._writer.insist(enrolments.seen, enrolments.Seen(device, known))
        return True


def _reason(error: DeviceError) -> str:
    if isinstance(error, Rejected):
        return error.reason
    return enrolments.UNREACHABLE if isinstance(error, Unreachable) else "misunderstood"
