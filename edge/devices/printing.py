"""Prints the next job of a printer: claimed, sent, and marked printed only when the printer said so."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping

from drivers.base import DeviceError, Printer, Rejected, Slip
from edge import hall as halls
from edge.access.vault import Vault
from edge.clock import Clock
from edge.database import Database, Writer
from edge.notices.slips import SlipTemplate, compose, ticket_values
from edge.queue import board, prints
from edge.queue.estimates import Forecasts, teller

log = logging.getLogger("hall.printing")


class Printing:
    def __init__(
        self,
        database: Database,
        writer: Writer,
        vault: Vault,
        slips: Mapping[str, SlipTemplate],
        forecasts: Forecasts,
        clock: Clock,
    ) -> None:
        self._database, self._writer, self._vault, self._slips = database, writer, vault, slips
        self._forecasts, self._clock = forecasts, clock

    async def __call__(self, config: halls.Device, printer: Printer) -> bool:
        """False when no job waits. One of the four errors means that nothing was sent: the job is wanted again."""
        job = await self._writer.insist(prints.claim_print, config.id)
        if job is None:
            return False
        slip = self._slip(job)
        try:
            outcome = await printer.print(slip)
        except DeviceError as error:
            if isinstance(error, Rejected) and error.reason == "bad_slip":
                # It would be refused for ever, and the next visitor's slip waits behind it.
                log.error("%s cannot print job %s (%s): %s", config.id, job.id, job.template, error)
                await self._writer.insist(prints.end_print, prints.PrintEnd(job, "unknown", config.id))
                return True
            await self._writer.insist(prints.end_print, prints.PrintEnd(job, "wanted", config.id))
            raise
        await self._writer.insist(prints.end_print, prints.PrintEnd(job, outcome, config.id))
        return True

    def _slip(self, job: prints.PrintJob) -> Slip:
        if job.template != "ticket":
            return compose(self._slips[job.template], json.loads(job.content or "{}"))
        hall, tell = self._writer.hall, teller(self._forecasts.fresh(), self._clock.now().at)
        with self._database.read() as connection:
            ticket = board.ticket(connection, hall, job.ticket, lambda _: True, tell)
        return compose(
            self._slips["ticket"], ticket_values(hall, ticket, self._vault.slip_key(job.ticket), copy=job.copy)
        )
