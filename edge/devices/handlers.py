"""Who is told what a device says, and where its next job comes from: what the hub is given."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from drivers.base import (
    CardRead,
    CardUnread,
    Condition,
    Delivered,
    Device,
    Graded,
    KeyPressed,
    Messenger,
    Printer,
    Terminal,
    TerminalEvent,
)
from edge import hall as halls
from edge.notices.outputs import Again, Moment

Answer = Moment | Again | Condition


@dataclass(frozen=True, slots=True)
class Handlers:
    press: Callable[[halls.Device, KeyPressed | Graded], Awaitable[list[Answer]]]
    """Runs the press's use case; what comes back is the box's answer, and what a person should look at."""
    card: Callable[[halls.Device, CardRead | CardUnread], None]
    """Keeps it in memory for the kiosk; nothing of a card is stored by itself."""
    delivered: Callable[[halls.Device, Delivered], Awaitable[None]]
    """Returns after the commit."""
    terminal: Callable[[halls.Device, TerminalEvent], Awaitable[Sequence[Answer]]]
    """Returns after the commit."""
    bookmark: Callable[[str], str]
    """Where a terminal's memory was read to."""
    print_next: Callable[[halls.Device, Printer], Awaitable[bool]]
    """Prints the next job of this printer, if there is one; True when it did. May raise the four errors."""
    send_next: Callable[[halls.Device, Messenger], Awaitable[bool]]
    """As `print_next`, for a text message."""
    enrol_next: Callable[[halls.Device, Terminal], Awaitable[bool]]
    """As `print_next`, for a person whom the terminal should know, or forget."""

    def jobs(self, config: halls.Device, device: Device) -> Callable[[], Awaitable[bool]] | None:
        """What does this device's next job; None when it has none."""
        if isinstance(device, Printer):
            printer = device
            return lambda: self.print_next(config, printer)
        if isinstance(device, Messenger):
            messenger = device
            return lambda: self.send_next(config, messenger)
        if isinstance(device, Terminal):
            terminal = device
            return lambda: self.enrol_next(config, terminal)
        return None
