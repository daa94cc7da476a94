"""The trouble that a simulated modem, its SIM and its network can make; each is a switch on the page."""

from __future__ import annotations

from dataclasses import dataclass

from simulators.sms_at import GOOD, NO_SIGNAL, WEAK, Mobile, Refused

LATE, SLOW = 4.0, 40.0
"""Seconds of a prompt and of a result that keep the host waiting."""
FAILURES = {
    "cms:21": "被拒收",
    "cms:42": "网络拥塞",
    "cms:332": "网络超时",
    "cms:500": "未知错误",
    "cme:13": "SIM 卡故障",
    "cme:100": "设备错误",
}
UNKNOWN_ERROR = "cms:500"


@dataclass(slots=True)
class SendingFaults:
    prompt_after: float | None = 0.0
    """Seconds; None: it never comes, and yet the PDU is taken."""
    answer_after: float = 0.0
    """Seconds from when the message was sent, or failed, to when the host is told."""
    fails_next: str = ""
    """`cms:n` or `cme:n` for one message."""
    fails_always: str = ""
    undelivered: bool = False
    """What is sent does not arrive."""
    chatter: bool = False
    """RING and +CMTI stand before and in every answer."""

    def fail(self) -> None:
        """Raises `Refused` when this message is to fail."""
        failure, self.fails_next = self.fails_next or self.fails_always, ""
        if failure:
            kind, _, code = failure.upper().partition(":")
            raise Refused(kind, int(code))

    def switches(self) -> dict[str, tuple[str, bool]]:
        """Name -> (label, whether it is on)."""
        return {
            "late_prompt": ("提示符迟到", self.prompt_after == LATE),
            "no_prompt": ("没有提示符", self.prompt_after is None),
            "slow_answer": ("结果迟到", self.answer_after == SLOW),
            "chatter": ("命令之间插话", self.chatter),
            "undelivered": ("送达失败", self.undelivered),
            "fail_all": ("每条都出错", bool(self.fails_always)),
        }

    def throw(self, name: str, on: bool) -> None:
        match name:
            case "late_prompt":
                self.prompt_after = LATE if on else 0.0
            case "no_prompt":
                self.prompt_after = None if on else 0.0
            case "slow_answer":
                self.answer_after = SLOW if on else 0.0
            case "chatter":
                self.chatter = on
            case "undelivered":
                self.undelivered = on
            case "fail_all":
                self.fails_always = UNKNOWN_ERROR if on else ""
            case _:
                self.fails_next = name if on else ""


def mobile_switches(mobile: Mobile) -> dict[str, tuple[str, bool]]:
    """Name -> (label, whether it is on)."""
    return {
        "no_sim": ("拔出 SIM 卡", not mobile.inserted),
        "pin": ("SIM 卡要密码", mobile.locked),
        "no_network": ("无网络", mobile.denied),
        "no_signal": ("无信号", mobile.rssi == NO_SIGNAL),
        "weak_signal": ("信号弱", mobile.rssi == WEAK),
    }


def throw_mobile(mobile: Mobile, name: str, on: bool) -> None:
    match name:
        case "no_sim":
            mobile.insert(not on)
        case "pin":
            mobile.lock(on)
        case "no_network":
            mobile.denied = on
        case "no_signal":
            mobile.rssi = NO_SIGNAL if on else GOOD
        case "weak_signal":
            mobile.rssi = WEAK if on else GOOD
