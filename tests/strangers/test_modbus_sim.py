"""pymodbus 3.16.1, a public client, drives the simulated digit boards and input modules over real TCP."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator

import pytest
from pymodbus import ModbusException
from pymodbus.client import AsyncModbusTcpClient

from simulators.modbus import ModbusLine
from simulators.port import serve


@pytest.fixture
async def hosted() -> AsyncIterator[tuple[ModbusLine, AsyncModbusTcpClient]]:
    """The simulator, and a stranger that is connected to it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    simulator = ModbusLine("digits", {"framing": "tcp", "addresses": [1, 2], "inputs": {"3": ["call", "recall"]}})
    async with serve(f"tcp://127.0.0.1:{port}", simulator):
        client = AsyncModbusTcpClient("127.0.0.1", port=port, timeout=0.5, retries=0, reconnect_delay=0)
        assert await client.connect()
        try:
            yield simulator, client
        finally:
            client.close()


async def test_it_writes_numbers_text_and_floats(hosted: tuple[ModbusLine, AsyncModbusTcpClient]) -> None:
    simulator, client = hosted
    assert not (await client.write_register(0x0000, 27, device_id=1)).isError()
    assert not (await client.write_register(0x0000, 0x10000 - 5, device_id=2)).isError()
    assert simulator.shown == {1: "  27", 2: "  -5"}
    text = client.convert_to_registers("A001", client.DATATYPE.STRING)
    assert not (await client.write_registers(0x0070, text, device_id=1)).isError()
    number = client.convert_to_registers(12.5, client.DATATYPE.FLOAT32)
    assert not (await client.write_registers(0x0090, number, device_id=2)).isError()
    assert simulator.shown == {1: "A001", 2: "12.50"}


async def test_it_hears_the_exceptions(hosted: tuple[ModbusLine, AsyncModbusTcpClient]) -> None:
    simulator, client = hosted
    assert (await client.read_holding_registers(0x0000, count=1, device_id=1)).exception_code == 1
    assert (await client.write_register(0x0055, 1, device_id=1)).exception_code == 2
    assert (await client.write_register(0x0004, 9, device_id=1)).exception_code == 3
    assert (await client.write_register(0x0000, 1, device_id=9)).exception_code == 0x0B
    simulator.control("busy")
    assert (await client.write_register(0x0000, 1, device_id=1)).exception_code == 6


async def test_an_unplugged_board_is_a_timeout_and_a_power_cycle_a_lost_connection(
    hosted: tuple[ModbusLine, AsyncModbusTcpClient],
) -> None:
    simulator, client = hosted
    simulator.control("unplug")
    with pytest.raises(ModbusException):
        await client.write_register(0x0000, 27, device_id=1)
    simulator.control("unplug")
    assert await client.connect()
    await simulator.power_cycle()
    with pytest.raises(ModbusException):
        await client.write_register(0x0000, 27, device_id=1)


async def test_it_reads_buttons(hosted: tuple[ModbusLine, AsyncModbusTcpClient]) -> None:
    simulator, client = hosted
    assert (await client.read_discrete_inputs(0, count=8, device_id=3)).bits == [False] * 8
    simulator.press(3, "recall", "long")
    assert (await client.read_discrete_inputs(0, count=8, device_id=3)).bits == [False, True] + [False] * 6
    simulator.control("stuck:3:call")
    assert (await client.read_discrete_inputs(0, count=2, device_id=3)).bits[:2] == [True, True]
    assert (await client.read_discrete_inputs(4, count=8, device_id=3)).exception_code == 2
    assert (await client.read_discrete_inputs(0, count=8, device_id=1)).exception_code == 1


async def test_it_switches_lamps(hosted: tuple[ModbusLine, AsyncModbusTcpClient]) -> None:
    simulator, client = hosted
    assert not (await client.write_coil(1, True, device_id=3)).isError()
    assert not (await client.write_coils(2, [True, False, True], device_id=3)).isError()
    assert simulator.modules[0].text == "01101000"
    assert (await client.read_coils(0, count=8, device_id=3)).bits == [on == "1" for on in "01101000"]
    assert (await client.write_coil(8, True, device_id=3)).exception_code == 2
