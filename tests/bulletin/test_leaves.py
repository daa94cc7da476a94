"""Long texts on a screen with few large lines: nothing is lost, nothing is too wide, words stay whole."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.bulletin.leaves import PART, Card, leaves, width, wrap

words = st.text("中秋节放假安排，。号0123A- abc\n", max_size=80)
columns = st.integers(4, 20)


@given(words, columns)
def test_no_line_is_too_wide_and_no_character_is_lost(text: str, columns: int) -> None:
    lines = wrap(text, columns)
    assert all(width(line) <= columns for line in lines)
    assert "".join(lines).replace(" ", "") == "".join(text.split())


@given(
    st.lists(st.sampled_from(["中", "秋", "号，", "假。", "0123", "abc，", "9月", " "]), max_size=40),
    st.integers(6, 20),
)
def test_no_line_begins_with_a_mark_that_closes(pieces: list[str], columns: int) -> None:
    assert not any(line.startswith(("，", "。")) for line in wrap("".join(pieces), columns))


@given(words, st.lists(words, max_size=6), columns, st.integers(2, 12))
def test_every_leaf_holds_what_it_can(title: str, blocks: list[str], columns: int, lines: int) -> None:
    found = leaves([Card("notice", title, tuple(blocks))], columns, lines)
    assert all(len(each.title) + len(each.lines) <= lines for each in found)
    shown = "".join("".join(each.lines) for each in found)
    assert "".join((*found[0].title, shown)).replace(" ", "") == "".join("".join([title, *blocks]).split())
    assert [each.part for each in found] == (
        [f"{n}/{len(found)}" for n in range(1, len(found) + 1)] if found[1:] else [""]
    )


def test_beside_the_title_there_is_room_for_which_leaf_this_is() -> None:
    found = leaves([Card("notice", "今天不动产系统维护", ("请改日" * 30,))], 10, 5)
    assert [each.part for each in found] == ["1/3", "2/3", "3/3"]
    assert all(width(each.title[-1]) + PART * width(f" {each.part}") <= 10 for each in found)
    assert "".join(found[0].title) == "今天不动产系统维护"


def test_a_row_is_not_cut_while_it_fits_on_a_leaf() -> None:
    rows = ("张* 准予许可 3月2日", "李* 准予许可 3月3日", "王* 不予许可 3月4日")
    found = leaves([Card("result", "结果公示", rows)], 6, 5)
    assert [each.lines for each in found] == [
        ("张* 准予许可", "3月2日", "李* 准予许可", "3月3日"),
        ("王* 不予许可", "3月4日"),
    ]


def test_figures_stay_with_their_unit_and_marks_with_what_they_close() -> None:
    assert wrap("养老保险 12人", 6) == ["养老保险", "12人"]
    assert wrap("上午9点开始，请等候。", 5) == ["上午9点开", "始，请等", "候。"]
    assert wrap("0871-1234567890", 5) == ["0871-123", "4567890"]
