"""Paper forms: what they say, what they need, and that persons are masked before anything is stored."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base import Qr, Text
from edge.mask import mask
from edge.notices.preview import WIDTH, columns, preview, rows
from edge.notices.slips import SlipFileError, compose, fill, load_slips
from edge.refusal import Refused

SLIPS = Path(__file__).parents[2] / "config" / "slips"
FORMS = load_slips(SLIPS)


def text_of(name: str, **values: str) -> str:
    slip = compose(FORMS[name], {**FORMS[name].words, **values})
    return "\n".join(part.text for part in slip.parts if isinstance(part, Text))


@pytest.mark.req("QUE-03")
def test_the_ticket_says_people_ahead_and_windows() -> None:
    said = text_of("ticket", copy="", ahead="5", windows="一楼3号社保窗口")
    assert "前面等候：5 人" in said
    assert "办理窗口：一楼3号社保窗口" in said
    assert "补打" not in said


def test_a_copy_is_marked() -> None:
    assert "【补打】" in text_of("ticket", copy="补打")


def test_a_code_stands_on_the_ticket_only_with_an_address() -> None:
    assert any(isinstance(part, Qr) for part in compose(FORMS["ticket"], FORMS["ticket"].words).parts)
    assert not any(isinstance(part, Qr) for part in compose(FORMS["ticket"], {"number": "A001"}).parts)


@pytest.mark.req("PRN-02")
@pytest.mark.parametrize("word", ["申请人", "事项", "已收材料", "经办人", "日期"])
def test_the_acceptance_voucher_has_its_fields(word: str) -> None:
    assert word in text_of("acceptance_notice")


@pytest.mark.req("PRN-03", "PRN-04")
def test_a_supplement_notice_lists_everything_at_once() -> None:
    said = text_of("supplement_notice", content="身份证复印件\n户口本\n缴费凭证")
    assert all(each in said for each in ("补办件通知书", "身份证复印件", "户口本", "缴费凭证", "补齐期限"))
    with pytest.raises(Refused, match="missing_word"):
        fill(FORMS["supplement_notice"], {"applicant": "张三"})


def test_a_clerk_is_told_in_words_what_a_notice_lacks() -> None:
    for form in (each for each in FORMS.values() if each.paper == "notice"):
        with pytest.raises(Refused, match="missing_word") as refused:
            fill(form, {})
        assert not re.search("[a-z]", refused.value.title), form.title
    assert "经办人（请先登录窗口）" in refused.value.title


@pytest.mark.req("PRN-06")
def test_a_returned_case_names_reason_and_basis() -> None:
    assert {"reason", "basis"} <= set(FORMS["return_notice"].required)
    assert "退件理由：缺章" in text_of("return_notice", reason="缺章")


@pytest.mark.req("PRN-05", "PRN-07")
def test_promised_and_joint_cases_have_their_forms() -> None:
    assert "承诺件通知书" in text_of("promise_notice")
    assert "联办通知书" in text_of("joint_notice")


@pytest.mark.req("PRN-01")
def test_notices_stand_on_their_own_paper() -> None:
    assert {name: form.paper for name, form in FORMS.items() if form.paper == "ticket"} == {
        "ticket": "ticket",
        "appointment": "ticket",
        "guide": "ticket",
    }


@pytest.mark.req("SEC-04")
def test_an_applicant_is_masked_before_anything_is_kept() -> None:
    template = FORMS["supplement_notice"]
    values = fill(template, {**template.words, "applicant": "欧阳小明"})
    assert values["applicant"] == "欧阳**"


@given(st.sampled_from(["name", "id_number", "phone"]), st.text(min_size=1, max_size=24))
def test_a_mask_never_shows_the_whole(kind: str, value: str) -> None:
    masked = mask(kind, value)  # type: ignore[arg-type]
    assert masked != value.strip() or not value.strip().strip("*")
    assert kind == "name" or len(masked) == len(value.strip())


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("name", "张三丰", "张**"),
        ("name", "张", "张*"),
        ("id_number", "530102199001010016", "530***********0016"),
        ("phone", "13812345678", "138****5678"),
    ],
)
def test_masks(kind: str, value: str, shown: str) -> None:
    assert mask(kind, value) == shown  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("title=", "bad.toml"),
        ('title="x"\n[words]\n[[part]]\ntext="{nobody}"', "nobody"),
        ('title="x"\n[words]\n[[part]]\ntext="a"\nrule=true', "either text, qr or rule"),
        ('title="x"\ncolour="red"\n[words]\n[[part]]\nrule=true', "colour"),
        ('title="x"\nrequired=["who"]\n[words]\n[[part]]\nrule=true', "who"),
    ],
)
def test_a_wrong_template_is_refused_by_name(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "bad.toml").write_text(text)
    with pytest.raises(SlipFileError, match=told):
        load_slips(tmp_path)


def test_a_hall_may_replace_a_form(tmp_path: Path) -> None:
    (tmp_path / "ticket.toml").write_text('title="自己的小票"\n[words]\nnumber="A001"\n[[part]]\ntext="{number}"')
    assert load_slips(SLIPS, tmp_path)["ticket"].title == "自己的小票"


@pytest.mark.parametrize("name", FORMS)
def test_every_form_can_be_looked_at(name: str) -> None:
    picture = ElementTree.fromstring(preview(compose(FORMS[name], FORMS[name].words)))
    lengths = [
        int(each.get("textLength", 0)) + int(each.get("x", 0)) for each in picture.iter() if each.get("textLength")
    ]
    assert lengths
    assert max(lengths) <= WIDTH


@given(st.text(max_size=200), st.integers(2, 48))
def test_rows_keep_every_character_within_the_paper(text: str, most: int) -> None:
    assert "".join(rows(text, most)) == "".join(text.splitlines())
    assert all(columns(row) <= most for row in rows(text, most))
