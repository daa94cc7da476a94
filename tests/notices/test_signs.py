"""The words over a window follow its state by themselves, in the hall's own texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edge.notices.calls import announcement, volume
from edge.notices.outputs import ShowNumber, ShowText
from edge.notices.signs import sign_text, window_outputs
from edge.queue import board, desk, issuing
from edge.windows import desk as windows
from tests.books import Books
from tests.hall import MORNING, demo_hall


@pytest.fixture
def books(tmp_path: Path) -> Any:
    made = Books(tmp_path)
    yield made
    made.database.close()


def view(books: Books, no: int) -> dict[str, Any]:
    with books.database.read() as connection:
        return board.windows(connection, books.hall, (no,))[0]


def sign(books: Books, no: int) -> str:
    return sign_text(books.hall, view(books, no))


@pytest.mark.req("QUE-14", "QUE-15")
def test_a_call_names_number_floor_and_window(books: Books) -> None:
    books.do(issuing.issue, issuing.Issue("pension", "kiosk", "1", "kiosk:1"))
    books.do(desk.call_next, desk.CallNext(3, "window:3"))
    assert sign(books, 3) == "请A001号到一楼3号社保窗口"
    assert ShowNumber("counter", 3, 1, 0) in window_outputs(books.hall, view(books, 3))
    assert ShowText("led-3", 1, "请A001号到一楼3号社保窗口", 5.0) in window_outputs(books.hall, view(books, 3))


@pytest.mark.req("WIN-02", "WIN-03")
@pytest.mark.parametrize(("kind", "words"), [("wait_a_moment", "对不起，请稍候"), ("suspended", "此窗口暂停服务")])
def test_a_paused_window_says_so(books: Books, kind: windows.Sign, words: str) -> None:
    books.do(windows.pause, windows.Pause(3, kind, "window:3"))
    assert sign(books, 3) == words
    books.do(windows.resume, windows.Resume(3, "window:3"))
    assert sign(books, 3) == "3号 社保窗口"


@pytest.mark.req("WIN-01")
def test_leaving_tells_when_service_goes_on_and_whom_to_call(books: Books) -> None:
    books.do(windows.pause, windows.Pause(3, "suspended", "window:3", resume="14:30", contact="0877-12345"))
    assert sign(books, 3) == "此窗口暂停服务 14:30恢复 联系电话0877-12345"


@pytest.mark.req("WIN-05")
def test_visitors_are_sent_to_another_window(books: Books) -> None:
    books.do(windows.pause, windows.Pause(3, "go_to", "window:3", other=1))
    assert sign(books, 3) == "请到1号窗口"


@pytest.mark.req("DISP-17")
def test_the_whereabouts_of_the_clerk(books: Books) -> None:
    books.do(windows.sign_in, windows.SignIn(3, "1003", "window:3"))
    books.do(windows.pause, windows.Pause(3, "away", "window:3", place="在二楼会议室"))
    assert sign(books, 3) == "赵静 在二楼会议室"


@pytest.mark.req("DISP-01")
def test_an_idle_sign_has_the_fields_of_the_hall(books: Books, tmp_path: Path) -> None:
    fields = 'idle = "{staff} {unit} {name} {services} {phone}"'
    hall = demo_hall(
        tmp_path,
        lambda text: (
            text.replace('idle = "{no} {name}"', fields)
            .replace('idle = "{no}号 {name}"', fields)
            .replace('name = "社保窗口"', 'name = "社保窗口"\nphone = "0877-12345"')
        ),
    )
    books.do(windows.sign_in, windows.SignIn(3, "1003", "window:3"))
    words = sign_text(hall, view(books, 3))
    assert words == "赵静 人力资源和社会保障局 社保窗口 养老保险、医疗保险 0877-12345"


@pytest.mark.req("SEC-01")
def test_a_clerk_is_signed_in_at_one_window_only(books: Books) -> None:
    books.do(windows.sign_in, windows.SignIn(3, "1003", "window:3"))
    books.do(windows.sign_in, windows.SignIn(1, "1003", "window:1"))
    assert [view(books, no)["staff"] for no in (1, 2, 3)] == ["1003", None, None]
    assert [event.type for event in books.events("window.")] == [
        "window.signed_in",
        "window.signed_out",
        "window.signed_in",
    ]


def without_voice(text: str) -> str:
    return text.replace('voice = { device = "voice-1" }', "")


@pytest.mark.req("QUE-06")
def test_a_call_is_said_in_the_zone_of_its_window(books: Books, tmp_path: Path) -> None:
    books.do(issuing.issue, issuing.Issue("pension", "kiosk", "1", "kiosk:1"))
    books.do(desk.call_next, desk.CallNext(3, "window:3"))
    event = books.events("ticket.called")[0]
    assert announcement(demo_hall(tmp_path, without_voice), event) is None
    said = announcement(books.hall, event)
    assert said is not None
    assert (said.device, said.text) == ("voice-1", "请A零零一号到一楼三号社保窗口")
    assert said.until == event.at + 45_000


@pytest.mark.req("QUE-22")
@pytest.mark.parametrize(("at", "loud"), [("11:59", 80), ("12:00", 50), ("13:59", 50), ("14:00", 80)])
def test_volume_goes_by_zone_and_hour(tmp_path: Path, at: str, loud: int) -> None:
    hall = demo_hall(tmp_path)
    hour, minute = map(int, at.split(":"))
    midnight = int(MORNING * 1000) - 9 * 3_600_000
    assert volume(hall, hall.zones[1], midnight + (hour * 60 + minute) * 60_000) == loud
