"""alphasignpy 0.1.1, a public client, drives the simulated Alpha sign over a pty."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alphasign import Packet, ReadSpecialFunction, Sign, WriteSpecialFunction, parse_general_info  # type: ignore[import-untyped]
from alphasign.commands.string_file import WriteString  # type: ignore[import-untyped]
from alphasign.commands.text import WriteText  # type: ignore[import-untyped]
from alphasign.exceptions import NAKError  # type: ignore[import-untyped]
from alphasign.protocol import Color, DisplayMode, FileType, SpecialFunction  # type: ignore[import-untyped]
from alphasign.sign_types import SignType  # type: ignore[import-untyped]

from simulators.alpha import Alpha
from simulators.port import serve

FILES = [{"label": "A", "type": FileType.TEXT, "size": 256}, {"label": "B", "type": FileType.STRING, "size": 16}]


@pytest.fixture
async def hosted(tmp_path: Path) -> AsyncIterator[tuple[Alpha, Sign]]:
    """The simulator, and a stranger that is connected to it. The stranger blocks: call it in a thread."""
    simulator, path = Alpha("sign", {"type": "f"}), tmp_path / "sign"
    Sign._reset()
    async with serve(f"serial://{path}", simulator):
        sign = Sign(SignType.ALPHA_2X0C, "01")
        with contextlib.suppress(OSError):  # a pty has no DTR line to drop; the port is open by then
            await asyncio.to_thread(sign.open, str(path))
        assert sign.is_open
        try:
            yield simulator, sign
        finally:
            await asyncio.to_thread(sign.close)


def packet(sign: Sign, *commands: WriteText | WriteString | WriteSpecialFunction | ReadSpecialFunction) -> Packet:
    whole = Packet(sign.type_code, sign.address)
    for command in commands:
        whole.add(command)
    return whole


async def test_what_it_writes_is_shown(hosted: tuple[Alpha, Sign]) -> None:
    simulator, sign = hosted

    def job() -> dict[str, object]:
        sign.send(packet(sign, WriteSpecialFunction.configure_memory(FILES)))
        sign.send(packet(sign, WriteString("007", label="B")))
        text = Color.GREEN.value + b"No. \x10B -> 3"
        sign.send(packet(sign, WriteText(text, label="A", mode=DisplayMode.HOLD)))
        sign.send(packet(sign, ReadSpecialFunction(SpecialFunction.GENERAL_INFO)))
        answer: dict[str, object] = parse_general_info(sign.read_response(raise_on_timeout=True))
        return answer

    info = await asyncio.to_thread(job)
    assert simulator.shown == {1: "No. 007 -> 3"}
    assert (info["memory_pool"], info["memory_free"]) == (0x7800, 0x7800 - 256 - 16)


async def test_its_nested_packet_is_taken_apart(hosted: tuple[Alpha, Sign]) -> None:
    simulator, sign = hosted
    whole = packet(sign, WriteSpecialFunction.configure_memory(FILES), WriteText("one", "A"), WriteText("two", "0"))

    def job() -> None:
        sign.send(packet(sign, WriteSpecialFunction.enable_ack_nak(True)))
        sign.enable_ack_nak()
        sign.send(whole)

    await asyncio.to_thread(job)
    assert simulator.shown == {1: "two"}


async def test_it_hears_why_a_write_was_refused(hosted: tuple[Alpha, Sign]) -> None:
    _, sign = hosted

    def job() -> None:
        sign.send(packet(sign, WriteSpecialFunction.enable_ack_nak(True)))
        sign.enable_ack_nak()
        with pytest.raises(NAKError, match="0x60"):
            sign.send(packet(sign, WriteText("nowhere", label="Q")))

    await asyncio.to_thread(job)
