"""What the process refuses to start with, and how it says so."""

from __future__ import annotations

from pathlib import Path

from tests.server import callers, running, spawn


async def test_a_second_process_leaves_the_first_ones_data_alone(hall: Path, data: Path) -> None:
    async with running(hall, data) as first:
        second = await spawn(hall, data)
        assert await second.ended(10) == 1
        said = second.log.read_text("utf-8")
        assert f"Error: another hall-edge is running with the data folder {data}" in said
        assert "Traceback" not in said
        async with callers(first.port, 1) as (caller,):
            assert (await caller.ask("POST", "/api/v1/tickets", {"service": "s0"}))[0] == 201


async def test_a_taken_port_is_named_and_the_process_ends(hall: Path, data: Path, tmp_path: Path) -> None:
    async with running(hall, data) as first:
        second = await spawn(hall, tmp_path / "other", port=first.port)
        assert await second.ended(10) != 0
        said = second.log.read_text("utf-8")
        assert str(first.port) in said
        assert "Address already in use" in said
        assert "Traceback" not in said


def misspell(hall: Path) -> int:
    """Puts an unknown key into the second service; returns its line."""
    lines = hall.read_text("utf-8").splitlines()
    at = lines.index('id = "s1"') + 1
    hall.write_text("\n".join([*lines[:at], "colour = 1", *lines[at:]]), "utf-8")
    return at + 1


async def test_an_unknown_key_is_named_by_its_line(hall: Path, data: Path) -> None:
    line = misspell(hall)
    server = await spawn(hall, data)
    assert await server.ended(10) == 2
    assert server.log.read_text("utf-8") == f"{hall}: line {line}: service.2.colour: unknown key\n"
