"""Texts of messages: they fit two parts whatever the names are, and nothing in them is left to chance."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edge.__main__ import main
from edge.hall import Hall, Sms
from edge.messages import texts
from edge.refusal import Refused
from tests.hall import DEMO, demo_hall
from tests.messages.halls import without_messages

WORDS: dict[texts.Kind, dict[str, str]] = {
    "issued": {"number": "A007", "service": "养老保险", "ahead": "4", "wait": "约5到15分钟", "low": "5", "high": "15"},
    "soon": {"number": "A007", "service": "养老保险", "ahead": "3", "place": "一楼办事大厅"},
    "come": {"number": "A007", "service": "养老保险", "floor": "一楼", "no": "3", "name": "社保窗口"},
}


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Hall:
    return demo_hall(tmp_path_factory.mktemp("hall"))


def with_sms(hall: Hall, name: str = "示范区政务服务中心", **sms: Any) -> Hall:
    info = hall.hall.model_copy(update={"name": name})
    return hall.model_copy(update={"hall": info, "sms": Sms.model_validate({"device": "modem-1"} | sms)})


# ---- numbers


@pytest.mark.parametrize("typed", ["13800138000", "19912345678", " 138 0013 8000 "])
def test_a_mobile_number_is_taken_without_its_spaces(typed: str) -> None:
    assert texts.mobile(typed) == typed.replace(" ", "")


@pytest.mark.parametrize(
    "typed", ["", "1380013800", "138001380001", "+8613800138000", "1380013800x", "１３８００１３８０００"]
)
def test_what_is_no_mobile_number_is_refused_in_words(typed: str) -> None:
    with pytest.raises(Refused, match="bad_phone") as refused:
        texts.mobile(typed)
    assert refused.value.status == 422
    assert "手机号" in refused.value.title


@pytest.mark.req("SEC-04")
@given(st.from_regex(r"[02-9][0-9]{3,30}", fullmatch=True))
def test_a_refusal_never_repeats_what_was_typed(typed: str) -> None:
    with pytest.raises(Refused) as refused:
        texts.mobile(typed)
    assert typed not in f"{refused.value} {refused.value.title} {refused.value.detail}"


@pytest.mark.parametrize(
    ("typed", "says"), [("138001380", "11位"), ("08713161234", "13到19"), ("12800138000", "13到19")]
)
def test_a_landline_is_told_apart_from_a_slip(typed: str, says: str) -> None:
    with pytest.raises(Refused) as refused:
        texts.mobile(typed)
    assert says in refused.value.title


# ---- texts


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("issued", "【示范区政务服务中心】您的号码A007，养老保险，前面还有4人，约5到15分钟。"),
        ("soon", "【示范区政务服务中心】您的号码A007前面还有3人，请到一楼办事大厅等候。"),
        ("come", "【示范区政务服务中心】请A007号到一楼3号社保窗口办理。"),
    ],
)
def test_a_text_says_whose_it_is_and_what_to_do(hall: Hall, kind: texts.Kind, said: str) -> None:
    text = texts.compose(with_sms(hall), kind, WORDS[kind])
    assert text == said
    assert texts.units(text) <= 70, "one part"


NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=90) | st.text("字𠮷", max_size=140)


def parts(text: str) -> list[str]:
    """As the network carries it: one part of 70 units, or several of 67, and no character torn."""
    if texts.units(text) <= 70:
        return [text]
    found = [""]
    for char in text:
        if texts.units(found[-1] + char) > 67:
            found.append("")
        found[-1] += char
    return found


@given(st.sampled_from(texts.KINDS), NAMES, NAMES, NAMES)
def test_a_text_never_needs_a_third_part(hall: Hall, kind: texts.Kind, one: str, two: str, three: str) -> None:
    longest = {"issued": "字" * 80 + "{number}{service}", "soon": "{place}{number}", "come": "{number}{name}{name}"}
    long = with_sms(hall, name=one[:30], **longest)
    text = texts.compose(long, kind, WORDS[kind] | {"service": two, "place": three, "name": three})
    assert sum(texts.units(part) for part in parts(text)) == texts.units(text)
    assert len(parts(text)) <= 2
    assert text.startswith(f"【{one[:30]}】")


def test_a_text_of_minutes_gives_way_where_nobody_can_say_how_many(hall: Hall) -> None:
    minutes = with_sms(hall, issued="{number}：{low}至{high}分钟")
    assert texts.compose(minutes, "issued", WORDS["issued"]).endswith("A007：5至15分钟")
    unknown = {"number": "A007", "service": "养老保险", "ahead": "4", "wait": "要等多久还说不准"}
    assert texts.compose(minutes, "issued", unknown).endswith("您的号码A007，养老保险，前面还有4人，要等多久还说不准。")


def test_a_long_service_gives_way_and_the_rest_stands(hall: Hall) -> None:
    text = texts.compose(with_sms(hall), "issued", WORDS["issued"] | {"service": "城乡居民" * 40})
    assert texts.units(text) == 133
    assert "A007，城乡居民" in text
    assert text.endswith("…，前面还有4人，约5到15分钟。")


@given(NAMES, st.integers(0, 100))
def test_a_cut_is_as_long_as_it_may_be_and_tears_no_character(text: str, most: int) -> None:
    short = texts.cut(text, most)
    assert texts.units(short) <= most
    if short != text and most:
        assert short.endswith("…")
        assert text.startswith(short[:-1])
        following = text[len(short) - 1]
        assert texts.units(short[:-1] + following) > most - 1


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('issued = "您的号码{number}，{phone}"', "{number}, {service}, {ahead}, {wait}, {low}, {high}, nothing else"),
        ('soon = "请到{no}号窗口"', "nothing else"),
        ('come = "{}"', "nothing else"),
        ('come = "{number.real}"', "nothing else"),
        ('come = "{number[x]}"', "nothing else"),
        ('come = "{number"', "nothing else"),
        (f'soon = "{"请" * 81}{{number}}"', "81 characters"),
        ("daily_cap = 0", "daily_cap"),
        ("ahead = [0]", "ahead"),
        ('quiet = [{ from = "22", to = "08:00" }]', "quiet"),
        ('device = "modem-9"', "modem-9"),
    ],
)
def test_what_could_not_be_sent_is_refused_at_load(tmp_path: Path, line: str, says: str) -> None:
    file = tmp_path / "hall.toml"
    file.write_text(f"{without_messages(DEMO.read_text('utf-8'))}\n[sms]\n{line}\n", "utf-8")
    at = file.read_text("utf-8").count("\n")
    result = CliRunner().invoke(main, ["check", str(file)])
    assert result.exit_code == 2
    assert f"line {at}: " in result.output
    assert says in result.output


def test_signs_and_messages_have_their_own_words() -> None:
    with pytest.raises(ValidationError, match="nothing else"):
        Sms(issued="{floor}")
    assert Sms(come="{floor}").come == "{floor}"


# ---- when


@given(st.integers(0, 30), st.sets(st.integers(1, 20)))
def test_the_threshold_that_holds_is_the_next_that_is_not_exceeded(ahead: int, thresholds: set[int]) -> None:
    threshold = texts.due(ahead, thresholds)
    if threshold is None:
        assert all(each < ahead for each in thresholds)
    else:
        assert threshold in thresholds
        assert ahead <= threshold
        assert not [each for each in thresholds if ahead <= each < threshold]


@pytest.mark.parametrize(
    ("at", "quiet"),
    [
        *(("12:29", False), ("12:30", True), ("13:59", True), ("14:00", False)),
        *(("21:59", False), ("22:00", True), ("00:00", True), ("07:59", True), ("08:00", False)),
    ],
)
def test_quiet_hours_may_go_over_midnight(hall: Hall, at: str, quiet: bool) -> None:
    hours = [{"from": "12:30", "to": "14:00"}, {"from": "22:00", "to": "08:00"}]
    stamp = datetime.fromisoformat(f"2026-03-02T{at}:00+08:00").timestamp()
    assert texts.is_quiet(with_sms(hall, quiet=hours), int(stamp * 1000)) is quiet


def test_a_reason_that_nobody_knows_is_named_as_the_device_named_it() -> None:
    assert texts.why_words("quiet") == "免打扰时段"
    assert "code_42" in texts.why_words("code_42")
