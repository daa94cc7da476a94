"""What a visitor may say beside a level: the national evaluation item codes (测评内容代码), in use since 2020.

Of each level the codes whose `usingStatus` is true, as three public halls' programs list them; the first digit is the
level, and what each says is theirs. Pure.
"""

from __future__ import annotations

from typing import NamedTuple


class Reason(NamedTuple):
    code: str
    words: str
    words_en: str


REASONS: dict[int, tuple[Reason, ...]] = {
    5: (
        Reason("510", "一窗受理一次办结", "One window, done in one go"),
        Reason("511", "可以先受理后补材料", "Accepted first, papers later"),
        Reason("512", "不用提交证明", "No certificates needed"),
        Reason("513", "可以全程网上办理", "Can be done wholly online"),
        Reason("514", "可以使用手机办理", "Can be done by phone"),
        Reason("515", "可以就近办理", "Can be done nearby"),
        Reason("516", "无需材料直接办理", "No papers needed at all"),
        Reason("517", "服务热情效率高", "Friendly and fast"),
    ),
    4: (
        Reason("406", "填写一张表单就可完成申报", "A single form was enough"),
        Reason("407", "在线提交材料窗口核验", "Papers sent online, checked here"),
        Reason("408", "一张清单告知全部申报材料", "One list named all papers"),
        Reason("409", "用告知承诺减免申报材料", "A declaration replaced papers"),
        Reason("410", "可以在线预约办理", "Can be booked online"),
        Reason("411", "跑大厅一次办完", "Done in one visit"),
        Reason("412", "可以使用自助机办理", "Can be done at a machine"),
        Reason("413", "服务态度较好", "Good attitude"),
    ),
    3: (
        Reason("307", "一次性告知需要补正的材料", "Told at once what was missing"),
        Reason("308", "提供申报材料样本", "Samples of papers were given"),
        Reason("309", "在承诺的时间内办结", "Done within the promised time"),
        Reason("310", "办事指南指引准确", "The guide was right"),
        Reason("311", "按办事指南要求的材料即可办理", "The papers in the guide were enough"),
        Reason("312", "可以快递送达", "Can be sent by courier"),
        Reason("313", "跑动次数与承诺的一致", "As many visits as promised"),
        Reason("314", "服务态度一般", "Fair attitude"),
    ),
    2: (
        Reason("207", "没有提供材料样本", "No samples of papers"),
        Reason("208", "没有提供材料清单", "No list of papers"),
        Reason("209", "未在承诺时间内办结", "Not done within the promised time"),
        Reason("210", "同样内容的证明材料被要求多次提交", "Asked for the same papers again"),
        Reason("211", "承诺网办但无法在线办理", "Promised online, not possible online"),
        Reason("212", "在线预约办理后到实体大厅重复取号排队", "Booked online, queued again here"),
        Reason("213", "窗口人员业务不熟练", "Staff not skilled"),
        Reason("214", "服务态度生硬", "Stiff attitude"),
    ),
    1: (
        Reason("108", "在办事指南之外增加新的审批条件", "Conditions beyond the guide"),
        Reason("109", "需提供办事指南之外的申报材料", "Papers beyond the guide"),
        Reason("110", "无理由超过法定办理时间", "Over the legal time, no reason given"),
        Reason("111", "办事指南提供样本有错", "Wrong samples in the guide"),
        Reason("112", "承诺在线收取申报材料实际无法收取", "Papers promised online, not taken"),
        Reason("113", "多头跑窗口和部门", "Sent from window to window"),
        Reason("114", "跑动次数与承诺的不一致", "More visits than promised"),
        Reason("115", "服务态度差效率低", "Poor attitude, slow"),
    ),
}
"""Level -> its reasons, in the order of the codes."""
