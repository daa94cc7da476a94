"""Why what a person typed does not fit, in words that say what to do. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import ValidationError

_TIME = "写法不对，应如 2026-03-02 08:30"
_DATE = "写法不对，应如 2026-03-02"
WORDS = {
    "missing": "没有写",
    "string_too_short": "没有写",
    "string_too_long": "太长，最多 {max_length} 个字",
    "string_pattern_mismatch": "里有不能用的字符，请只用字母、数字和 - _ . :",
    "literal_error": "不在可选的范围内",
    "timezone_aware": _TIME,
    "int_parsing": "应是数字",
}


def fault_words(error: ValidationError, labels: Mapping[str, str]) -> Iterator[str]:
    """`开始没有写`, one for each fault; `labels` names the fields as the person sees them."""
    for each in error.errors():
        at = next((labels[str(part)] for part in reversed(each["loc"]) if str(part) in labels), "")
        yield at + _said(each["type"], each["msg"]).format(**each.get("ctx", {}))


def _said(kind: str, message: str) -> str:
    if "ends before it begins" in message:
        return "结束早于开始"
    if kind.startswith("datetime"):
        return _TIME
    return _DATE if kind.startswith("date") else WORDS.get(kind, "不对")
