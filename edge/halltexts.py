"""The words of a hall: on its signs, and in its calls. Part of the models of a hall file."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


SIGN_WORDS = (
    *("number", "no", "name", "floor", "unit", "services", "phone", "supervision"),
    *("staff", "staff_no", "title", "resume", "contact", "other", "place"),
)
"""What the hall's own texts may name in {braces}; what a window lacks is left out."""


def bare(template: str, words: tuple[str, ...]) -> str:
    """What it says beside its words. Raises ValueError when it names another."""
    try:
        return template.format(**dict.fromkeys(words, ""))
    except (LookupError, ValueError, AttributeError, TypeError) as error:
        raise ValueError(f"this may name {', '.join(f'{{{word}}}' for word in words)}, nothing else") from error


def _fits(value: str) -> str:
    bare(value, SIGN_WORDS)
    return value


Words = Annotated[str, AfterValidator(_fits)]


class Signs(_Model):
    """The words on window screens and in calls, by what the window is doing."""

    call: Words = "请{number}号到{floor}{no}号{name}"
    serving: Words = "{number}号 正在办理"
    idle: Words = "{no}号 {name}"
    """A hall's field set: 姓名 {staff} 单位 {unit} 事项 {services} 咨询电话 {phone} 监督电话 {supervision}."""
    wait_a_moment: Words = "对不起，请稍候"
    suspended: Words = "此窗口暂停服务"
    closed: Words = "停止服务"
    """The window is closed for the day."""
    go_to: Words = "请到{other}号窗口"
    noon: Words = "午休 {resume}继续"
    """The break between morning and afternoon; `{resume}` is 下午14:30."""
    noon_duty: Words = "午休 请到{other}号窗口"
    """The same, where another window is on duty."""
    away: Words = "{staff} {place}"
    """去向牌: where the clerk is."""
    until: Words = " {resume}恢复"
    """Added to a paused sign when the time is known."""
    reach: Words = " 联系电话{contact}"
    """Added to a paused sign when there is someone to call."""
    call_stands_s: Annotated[float, Field(ge=0, le=60)] = 5.0
    """Seconds a call stands on a window screen before the next text may replace it."""


class Sound(_Model):
    """How calls are said; the same for every zone."""

    call: Words = "请{number}号到{floor}{no}号{name}"
    one: Literal["一", "幺"] = "一"
    """How the digit 1 of a ticket's number is read."""
    gap_s: Annotated[float, Field(ge=0, le=10)] = 1.0
    """Silence between two announcements of a zone."""
    expires_s: Annotated[float, Field(ge=5, le=300)] = 45.0
    """A call that could not be said by then is not said any more; it stands on the screens."""
