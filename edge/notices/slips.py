"""What comes out of the printer. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drivers.base import Qr, Rule, Slip, Text
from edge.hall import Hall


def ticket_slip(hall: Hall, ticket: Mapping[str, Any], *, copy: bool) -> Slip:
    """The visitor's slip; `ticket` is `queue.board.ticket`. It names the windows able to serve, not one of them."""
    parts: list[Text | Qr | Rule] = [Text(hall.hall.name, size=1, align="center", bold=True)]
    if copy:
        parts.append(Text("【补打】", align="center", bold=True))
    windows = "、".join(f"{each['floor']}{each['no']}号{each['name']}" for each in ticket["windows"])
    estimate, ahead = ticket["estimate"], ticket["ahead"]
    parts += [
        Text(ticket["number"], size=4, align="center", bold=True),
        Text(ticket["service"]["name"], size=2, align="center"),
        Rule(),
        Text(f"前面等候：{ahead} 人"),
        Text("预计等候：马上就到" if ahead == 0 else f"预计等候：约 {estimate['low']}～{estimate['high']} 分钟"),
        Text(f"办理窗口：{windows}"),
        Text(f"取号时间：{str(ticket['taken_at'])[:16].replace('T', ' ')}"),
        Rule(),
    ]
    if hall.hall.public_url:
        parts += [Qr(f"{hall.hall.public_url.rstrip('/')}/t/{ticket['id']}"), Text("扫码查看排队进度", align="center")]
    parts.append(Text("请留意叫号，过号请到导办台", align="center"))
    return Slip(tuple(parts))
