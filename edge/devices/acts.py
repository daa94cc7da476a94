"""What an output asks of a device."""

from __future__ import annotations

from datetime import datetime, timedelta

from drivers.base import Device, Evaluator, KeyPressed, Misconfigured, NumberDisplay, Terminal, TextScreen
from edge.notices.outputs import Ask, Beep, Moment, SetClock, ShowNumber, ShowText, State


async def put_out(device: Device, output: State | Moment, local: datetime) -> None:
    """`local` is the hall's time now, without its zone."""
    if isinstance(output, ShowText) and isinstance(device, TextScreen):
        await device.show(output.address, output.text)
    elif isinstance(output, ShowNumber) and isinstance(device, NumberDisplay):
        await device.show_number(output.address, output.ticket, output.waiting)
    elif isinstance(output, Beep) and isinstance(device, NumberDisplay):
        await device.beep(output.address)
    elif isinstance(output, Ask) and isinstance(device, Evaluator):
        await device.invite(output.address, output.evaluation)
    elif isinstance(output, SetClock) and isinstance(device, Terminal):
        await device.set_clock((local + timedelta(milliseconds=500)).replace(microsecond=0))  # it takes whole seconds
    elif isinstance(output, ShowNumber | Beep) and KeyPressed in device.TELLS:
        return  # buttons without a display
    else:
        raise Misconfigured(f"{type(device).__name__} cannot {type(output).__name__}: look at the windows in the file")
