"""alphasignpy and readerboard, public host libraries: what they sent for a message, against what our driver sends.

Both install a package that others install too, so they are not run here: `tests/frames/alpha.toml` has what they sent.
"""

from __future__ import annotations

import pytest

from drivers.alpha import Alpha, Decoder
from tests import frames_toml as golden
from tests.wire import pair

GOLDEN = {frame.name: frame for frame in golden.load("alpha", "out") if frame.kind == "stranger"}


async def sent(address: int, text: str) -> bytes:
    link, wire = pair()

    async def opener() -> object:
        return link

    async with Alpha(opener) as sign:  # type: ignore[arg-type]
        await sign.show(address, text)
        return await wire.read()


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("address", "text", "name"),
    [
        (0x00, "A001 3", "A001 3, all signs"),
        (0x03, "A001 -> 3", "A001 -> 3, sign 03"),
        (0xFF, "A001 window 3", "A001 window 3, sign FF"),
    ],
)
async def test_alphasignpy_sends_the_same_bytes(address: int, text: str, name: str) -> None:
    assert await sent(address, text) == GOLDEN[name].raw


@pytest.mark.looptime
@pytest.mark.parametrize(("text", "name"), [("A001 -> 3", "A001 -> 3, BetaBrite"), ("", "release, BetaBrite")])
async def test_readerboard_sends_the_same_command(text: str, name: str) -> None:
    [theirs] = Decoder().feed(GOLDEN[name].raw)
    command = theirs.blocks[0]
    assert b"\x02" + command + b"\x03" in await sent(0, text)
