"""What all units on a Modbus line share: how a request is refused (Modbus Application Protocol 1.1b3, clause 7)."""

from __future__ import annotations

BAD_FUNCTION, BAD_ADDRESS, BAD_VALUE, BUSY, NOBODY = 0x01, 0x02, 0x03, 0x06, 0x0B


class Refused(Exception):
    """`code` is that of the exception answer."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exception {code:02X}")
        self.code = code


def exception(pdu: bytes, code: int) -> bytes:
    return bytes([pdu[0] | 0x80, code])
