"""Prints the next job of a printer: claimed, sent, and marked printed only when the printer said so."""

from __future__ import annotations

import logging

from drivers.base import DeviceError, Printer, Rejected
from edge import hall as halls
from edge.database import Database, Writer
from edge.notices.slips import ticket_slip
from edge.queue import board, prints

log = logging.getLogger("hall.printing")


class Printing:
    def __init__(self, hall: halls.Hall, database: Database, writer: Writer) -> None:
        self._hall, self._database, self._writer = hall, database, writer

    async def __call__(self, config: halls.Device, printer: Printer) -> bool:
        """False when no job waits. One of the four errors means that nothing was sent: the job is wanted again."""
        job = await self._writer.do(prints.claim_print, config.id)
        if job is None:
            return False
        with self._database.read() as connection:
            ticket = board.ticket(connection, self._hall, job.ticket, lambda _: True)
        try:
            outcome = await printer.print(ticket_slip(self._hall, ticket, copy=job.copy))
        except DeviceError as error:
            if isinstance(error, Rejected) and error.reason == "bad_slip":
                # It would be refused for ever, and the next visitor's slip waits behind it.
                log.error("%s cannot print the slip of %s: %s", config.id, ticket["number"], error)
                await self._writer.do(prints.end_print, prints.PrintEnd(job, "unknown", config.id))
                return True
            await self._writer.do(prints.end_print, prints.PrintEnd(job, "wanted", config.id))
            raise
        await self._writer.do(prints.end_print, prints.PrintEnd(job, outcome, config.id))
        return True
