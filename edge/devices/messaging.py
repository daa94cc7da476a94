"""Sends the next text message of a modem: claimed, given to it, and marked by what it says."""

from __future__ import annotations

import logging

from drivers.base import Delivered, DeviceError, Messenger, Rejected
from edge import hall as halls
from edge.access.vault import Vault
from edge.database import Writer
from edge.messages import desk
from edge.queue.estimates import Forecasts

log = logging.getLogger("hall.messaging")


class Messaging:
    def __init__(self, hall: halls.Hall, writer: Writer, vault: Vault, forecasts: Forecasts) -> None:
        self._device, self._writer, self._vault, self._forecasts = hall.sms.device, writer, vault, forecasts
        self._sending = False
        self._early: dict[str, desk.Report] = {}
        """Reports that came before their message was known to be sent, by reference."""

    async def send_next(self, config: halls.Device, messenger: Messenger) -> bool:
        """False when no message waits. Raises what the device raised, once the message says what that means for it."""
        if config.id != self._device:
            return False
        claimed = await self._writer.insist(desk.claim, desk.Claim(config.id, self._forecasts.fresh()))
        if claimed is None:
            return False
        number = self._vault.unseal(claimed.sealed, claimed.ticket)
        if number is None:
            log.error("message %s cannot be sent: its number was sealed with another key", claimed.id)
            await self._writer.insist(desk.unsent, desk.Unsent(claimed.id, "failed", "unreadable"))
            return True
        self._sending = True
        try:
            await self._send(messenger, claimed, number)
        finally:
            self._sending = False
            self._early.clear()
        return True

    async def _send(self, messenger: Messenger, claimed: desk.Claimed, number: str) -> None:
        try:
            reference = await messenger.send_text(number, claimed.text)
        except Rejected as error:
            await self._writer.insist(desk.unsent, desk.Unsent(claimed.id, "failed", error.reason))
            raise
        except DeviceError:
            await self._writer.insist(desk.unsent, desk.Unsent(claimed.id, "unknown", "cut_off"))
            raise
        await self._writer.insist(desk.sent, desk.Sent(claimed.id, reference))
        report = self._early.get(reference)
        if report is not None:
            await self._writer.insist(desk.report, report)

    async def delivered(self, config: halls.Device, event: Delivered) -> None:
        """Returns after the commit; a report on no message of ours is passed over."""
        report = desk.Report(config.id, event.reference, event.delivered)
        known = await self._writer.do(desk.report, report)
        if not known and self._sending:
            self._early[report.reference] = report
