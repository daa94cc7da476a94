"""What is known about a device, and the words for it: what is wrong, and what a person does next."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from drivers.base import Counters, DeviceError

Condition = tuple[str, str, bool]
CONDITIONS: dict[str, Condition] = {
    "paper_out": ("缺纸", "打开前盖换纸", True),
    "cover_open": ("盖子没有关好", "把盖子按紧", True),
    "cutter_error": ("切刀卡住", "关机，清掉碎纸，再开机", True),
    "head_hot": ("打印头过热", "等几分钟", True),
    "error": ("打印机故障", "关机再开机；不行就报修", True),
    "offline": ("打印机脱机", "按一下联机键", True),
    "no_sim": ("没有SIM卡", "断电，装好SIM卡，再通电", True),
    "sim_pin": ("SIM卡要PIN码", "在手机上取消这张SIM卡的PIN码", True),
    "no_network": ("没有移动网络", "看天线；换个靠窗的位置", True),
    "paper_low": ("纸快用完了", "准备换纸", False),
    "no_voice": ("没有语音，只有提示音", "放入录音，或安装 espeak-ng", False),
    "silent": ("没有回答", "看它的电源和线", False),
    "weak_signal": ("信号弱", "把天线挪到靠窗的位置", False),
    "not_signed_in": ("还没有登录", "在评价器上输入工号和密钥", True),
    "wrong_clock": ("时钟不准", "已自动校时；再出现请换电池", False),
    "stuck_key": ("键一直按着", "把键弹起来；不行就换一个", False),
    "unknown_address": ("地址没有分给任何窗口", "改盒子的地址，或在配置里把它分给窗口", False),
    "unknown_grade": ("评价键没有对应的等级", "在配置里补上 levels", False),
    "reader_fault": ("读卡器自检没有通过", "关机再开机；不行就报修", True),
    "screen_off": ("屏幕关着", "在控制卡上打开屏幕", False),
}
"""name -> (what is wrong, what to do, whether it cannot work so); the first that is true is what a person is told."""


@dataclass(slots=True)
class Health:
    """Owned by the hub; times are UTC milliseconds."""

    state: Literal["unknown", "up", "down", "misconfigured"] = "unknown"
    since: int | None = None
    error: str | None = None
    """The last failure, for engineers."""
    why: str | None = None
    conditions: dict[str, int] = field(default_factory=dict)
    """What is the matter with it -> since when."""
    counters: Counters = field(default_factory=Counters)
    evidence: str | None = None
    """What a frame profile rests on: vendor-doc, two-sources, one-source, sample."""
    attempts: int = 0
    rejected: int = 0
    """Outputs that the device refused."""
    overflow: int = 0
    """Presses thrown away because too many waited."""

    def able(self) -> bool:
        """Whether it could do its work now."""
        return self.state == "up" and not any(blocks(name) for name in self.conditions)

    def severity(self) -> Literal["ok", "warn", "bad", "none"]:
        if self.state == "unknown":
            return "none"
        if not self.able():
            return "bad"
        return "warn" if self.conditions else "ok"

    def words(self) -> tuple[str | None, str | None, int | None]:
        """(what is wrong, what to do, since when) for ops; nothing is wrong when the first is None."""
        if self.state in ("down", "misconfigured"):
            return self.why, advice(self.state), self.since
        for name, since in sorted(self.conditions.items(), key=lambda each: _rank(each[0])):
            what, todo, _ = _words(name)
            return what, todo, since
        return None, None, self.since


def _words(condition: str) -> Condition:
    """Its words; one place of a shared line is named by its address, as in `silent_2`."""
    name, _, place = condition.rpartition("_")
    if place.isdigit() and name in CONDITIONS:
        what, todo, stops = CONDITIONS[name]
        return f"{place}号{what}", todo, stops
    return CONDITIONS.get(condition, (condition, "查看设备", False))


def _rank(condition: str) -> int:
    names = list(CONDITIONS)
    base = condition.rstrip("0123456789").rstrip("_")
    return names.index(base) if base in names else len(names)


def blocks(condition: str) -> bool:
    return condition in CONDITIONS and CONDITIONS[condition][2]


WHY = {"Misconfigured": "配置不对", "ProtocolError": "回答看不懂"}


def why(error: DeviceError) -> str:
    return why_of(type(error).__name__)


def why_of(kind: str) -> str:
    """By the name of the error, which the journal keeps."""
    return WHY.get(kind, "联系不上")


def advice(state: str) -> str:
    return "运行 hall-edge check 看哪一行不对" if state == "misconfigured" else "看电源和网线；不行就关机再开机"
