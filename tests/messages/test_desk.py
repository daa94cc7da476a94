"""Messages as rows: what is wanted when, what may go out, and what nobody is told twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge.messages import desk, views
from edge.queue import desk as queue
from edge.refusal import Refused
from tests.books import Books
from tests.hall import DAY_S
from tests.messages.halls import (
    MODEM,
    OTHER,
    PHONE,
    VAULT,
    call,
    claim,
    issue,
    move,
    opt_in,
    remind,
    send,
    states,
    with_messages,
)

NAME = "【示范区政务服务中心】"


@pytest.fixture
def books(tmp_path: Path) -> Books:
    return with_messages(tmp_path)


def queue_of(books: Books, length: int) -> list[str]:
    return [issue(books) for _ in range(length)]


def served(books: Books) -> str:
    """Window 3 takes the next and is done with them."""
    ticket = call(books)
    assert ticket is not None
    move(books, "finish", ticket, 3)
    return ticket


# ---- asking for messages


@pytest.mark.req("NOTI-01")
def test_the_number_is_confirmed_with_the_place_in_the_queue(books: Books) -> None:
    queue_of(books, 2)
    opt_in(books, issue(books))
    assert send(books) == f"{PHONE} {NAME}您的号码A003，养老保险，前面还有2人，约5到20分钟。"
    assert send(books) is None


def test_without_a_modem_nobody_is_promised_a_message(books: Books) -> None:
    ticket = issue(books)
    books.hall = books.hall.model_copy(update={"sms": books.hall.sms.model_copy(update={"device": None})})
    with pytest.raises(Refused, match="no_sms") as refused:
        opt_in(books, ticket)
    assert refused.value.status == 409
    assert not books.rows("SELECT 1 FROM contact")


def test_a_ticket_that_is_over_takes_no_number(books: Books) -> None:
    ticket = issue(books)
    move(books, "cancel", ticket)
    with pytest.raises(Refused, match="ticket_over") as refused:
        opt_in(books, ticket)
    assert (refused.value.status, "已取消" in refused.value.title) == (409, True)


def test_an_unknown_ticket_takes_no_number(books: Books) -> None:
    for use_case, command in (
        (desk.opt_in, desk.with_phone(VAULT, "x", PHONE, "visitor")),
        (desk.opt_out, desk.OptOut("x", "visitor")),
    ):
        with pytest.raises(Refused, match="no_such_ticket"):
            books.do(use_case, command)


def test_the_same_number_again_changes_nothing(books: Books) -> None:
    ticket = issue(books)
    opt_in(books, ticket)
    before = books.rows("SELECT * FROM contact"), books.events()
    opt_in(books, ticket)
    assert (books.rows("SELECT * FROM contact"), books.events()) == before
    assert send(books) is not None
    opt_in(books, ticket)
    assert send(books) is None


def test_another_number_takes_the_place_of_the_first(books: Books) -> None:
    ticket = issue(books)
    opt_in(books, ticket)
    opt_in(books, ticket, OTHER)
    assert str(send(books)).startswith(OTHER)
    assert send(books) is None
    assert sorted(states(books)) == [("issued", "sent", None), ("issued", "suppressed", "replaced")]
    opt_in(books, ticket)
    assert send(books) is None, "a message that was held back does not come later"


def test_who_wants_no_more_messages_gets_none_and_is_forgotten(books: Books) -> None:
    ticket = issue(books)
    opt_in(books, ticket)
    books.do(desk.opt_out, desk.OptOut(ticket, "visitor"))
    books.do(desk.opt_out, desk.OptOut(ticket, "visitor"))
    assert not books.rows("SELECT 1 FROM contact")
    assert send(books) is None
    call(books)
    assert states(books) == [("issued", "suppressed", "no_phone")]
    assert [event.type for event in books.events("message.opted")] == ["message.opted_in", "message.opted_out"]


def test_a_visitor_who_finds_an_idle_window_is_told_to_come(books: Books) -> None:
    assert call(books) is None, "armed"
    ticket = issue(books)
    opt_in(books, ticket)
    assert send(books) == f"{PHONE} {NAME}请A001号到一楼3号社保窗口办理。"
    assert send(books) is None


# ---- near the head of the line


@pytest.mark.req("NOTI-01")
def test_a_reminder_comes_once_when_so_many_are_ahead(books: Books) -> None:
    tickets = queue_of(books, 6)
    opt_in(books, tickets[5])
    send(books)
    wanted = []
    for ahead in (4, 3, 2, 1, 0):
        served(books)
        wanted += [(ahead, text) for text in [send(books)] if text]
    assert wanted == [(3, f"{PHONE} {NAME}您的号码A006前面还有3人，请到一楼办事大厅等候。")]


def test_each_of_several_numbers_ahead_has_its_reminder(tmp_path: Path) -> None:
    books = with_messages(tmp_path, ahead=[1, 4])
    opt_in(books, queue_of(books, 7)[6])
    sent = [send(books)]
    for _ in range(6):
        served(books)
        sent.append(send(books))
    assert ["前面还有" in str(text) and str(text)[str(text).index("还有") + 2] for text in sent] == [
        *("6", False, "4", False, False, "1", False),
    ]


def test_what_the_confirmation_said_is_not_said_again(books: Books) -> None:
    tickets = queue_of(books, 4)
    opt_in(books, tickets[3])
    assert "前面还有3人" in str(send(books))
    remind(books)
    assert send(books) is None
    served(books)
    assert send(books) is None, "two ahead: nothing new"
    assert [kind for kind, _, _ in states(books)] == ["issued"]


def test_two_who_leave_at_once_do_not_take_the_reminder_with_them(books: Books) -> None:
    tickets = queue_of(books, 6)
    opt_in(books, tickets[5])
    send(books)
    for ticket in tickets[:3]:
        books.do(queue.make_move, queue.Move("cancel", ticket, None, "desk"))
    remind(books)
    assert "前面还有2人" in str(send(books))
    remind(books)
    assert send(books) is None


def test_a_smaller_number_ahead_was_told_so_a_greater_is_no_news(tmp_path: Path) -> None:
    """A missed visitor comes back before those who wait."""
    books = with_messages(tmp_path, ahead=[1, 2])
    tickets = queue_of(books, 4)
    opt_in(books, tickets[3])
    send(books)
    assert call(books) == tickets[0]
    move(books, "miss", tickets[0], 3)
    assert "前面还有2人" in str(send(books))
    assert call(books) == tickets[1]
    move(books, "finish", tickets[1], 3)
    assert "前面还有1人" in str(send(books))
    move(books, "return", tickets[0])
    assert send(books) is None
    assert [row[0] for row in states(books)] == ["issued", "soon", "soon"]


def test_another_number_has_reminders_of_its_own(tmp_path: Path) -> None:
    books = with_messages(tmp_path, ahead=[1])
    first, second, mine = queue_of(books, 3)
    opt_in(books, mine)
    send(books)
    assert call(books) == first
    assert f"{PHONE} {NAME}您的号码A003前面还有1人" in str(send(books))
    move(books, "miss", first, 3)
    move(books, "return", first)
    opt_in(books, mine, OTHER)
    assert "前面还有2人" in str(send(books))
    assert call(books) == first
    assert f"{OTHER} {NAME}您的号码A003前面还有1人" in str(send(books))
    move(books, "finish", first, 3)
    assert call(books) == second
    assert send(books) is None


def test_a_hall_may_want_no_reminders(tmp_path: Path) -> None:
    books = with_messages(tmp_path, ahead=[])
    opt_in(books, queue_of(books, 3)[2])
    served(books)
    served(books)
    assert [kind for kind, _, _ in states(books)] == ["issued"]


def test_who_is_sent_to_another_line_is_reminded_there(books: Books) -> None:
    first = issue(books)
    opt_in(books, first)
    send(books)
    call(books)
    send(books)
    books.do(queue.transfer, queue.Transfer(3, first, "window:3", service="medical"))
    remind(books)
    assert send(books) == f"{PHONE} {NAME}您的号码A001前面还有0人，请到一楼办事大厅等候。"


# ---- called


@pytest.mark.req("NOTI-01")
def test_who_is_called_is_told_where_and_a_recall_says_nothing(books: Books) -> None:
    ticket = issue(books)
    opt_in(books, ticket)
    send(books)
    call(books)
    assert send(books) == f"{PHONE} {NAME}请A001号到一楼3号社保窗口办理。"
    books.wall.at += 20
    move(books, "recall", ticket, 3)
    remind(books)
    assert send(books) is None


def test_a_second_call_is_another_message(books: Books) -> None:
    ticket = issue(books)
    opt_in(books, ticket)
    send(books)
    call(books)
    assert "3号社保窗口" in str(send(books))
    books.wall.at += 60
    move(books, "miss", ticket, 3)
    move(books, "return", ticket)
    call(books, 1)
    assert "1号综合窗口" in str(send(books))


def test_two_calls_before_the_modem_is_back_are_one_message(books: Books) -> None:
    ticket = issue(books)
    opt_in(books, ticket)
    call(books)
    books.wall.at += 30
    move(books, "miss", ticket, 3)
    move(books, "return", ticket)
    call(books, 1)
    assert "1号综合窗口" in str(send(books))
    assert send(books) is None
    assert ("come", "suppressed", "moved_on") in states(books)


def test_a_visitor_who_stands_at_the_window_is_not_called_there(books: Books) -> None:
    ticket = issue(books)
    opt_in(books, ticket)
    call(books)
    move(books, "start", ticket, 3)
    assert send(books) is None
    assert sorted(states(books)) == [("come", "suppressed", "moved_on"), ("issued", "suppressed", "moved_on")]


def test_the_most_urgent_goes_first(books: Books) -> None:
    tickets = queue_of(books, 5)
    for ticket in tickets:
        opt_in(books, ticket, f"1380000000{tickets.index(ticket)}")
    call(books)
    assert "请A001号" in str(send(books))


# ---- a message is a moment


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(("kind", "life_s"), [("issued", 600), ("soon", 300), ("come", 180)])
def test_a_message_is_not_sent_after_its_time(books: Books, kind: str, life_s: int, late: bool) -> None:
    tickets = queue_of(books, 5)
    opt_in(books, tickets[0 if kind == "come" else 4])
    if kind != "issued":
        send(books)
        call(books)
    books.wall.at += life_s - 1 + late
    assert (send(books) is None) == late
    assert states(books)[-1] == (kind, "expired" if late else "sent", "late" if late else None)
    assert [event.type for event in books.events("message.expired")] == ["message.expired"] * late


def test_a_message_nobody_could_send_ends_by_the_clock(books: Books) -> None:
    opt_in(books, issue(books))
    with books.database.read() as connection:
        end = views.next_end(connection)
    assert end == books.clock.now().at + 600_000
    books.wall.at += 600
    books.do(desk.expire, None)
    assert states(books) == [("issued", "expired", "late")]
    with books.database.read() as connection:
        assert views.next_end(connection) is None


@pytest.mark.parametrize(("after_s", "found"), [(179, ["issued", "come"]), (180, ["issued"])])
def test_a_call_found_late_after_a_restart_is_not_told(books: Books, after_s: int, found: list[str]) -> None:
    opt_in(books, issue(books))
    books.do(queue.call_next, queue.CallNext(3, "window"))
    books.wall.at += after_s
    remind(books)
    assert [kind for kind, _, _ in states(books)] == found


# ---- sending


def test_what_was_being_sent_when_all_ended_is_unknown_and_not_sent_again(books: Books) -> None:
    opt_in(books, issue(books))
    assert claim(books) is not None
    assert states(books) == [("issued", "sending", None)]
    assert claim(books) is None
    assert states(books) == [("issued", "unknown", "cut_off")]
    assert [event.type for event in books.events("message.")][1:] == ["message.wanted", "message.unknown"]


def test_a_modem_that_never_comes_back_leaves_no_message_in_the_air(books: Books) -> None:
    opt_in(books, issue(books))
    claimed = claim(books)
    assert claimed is not None
    books.wall.at += 299
    books.do(desk.expire, None)
    assert states(books) == [("issued", "sending", None)]
    books.wall.at += 1
    books.do(desk.expire, None)
    assert states(books) == [("issued", "unknown", "cut_off")]
    books.do(desk.sent, desk.Sent(claimed.id, "late"))
    books.do(desk.unsent, desk.Unsent(claimed.id, "failed", "late"))
    assert states(books) == [("issued", "unknown", "cut_off")]


@pytest.mark.req("NOTI-01")
@pytest.mark.parametrize(("arrived", "state", "why"), [(True, "delivered", None), (False, "failed", "undelivered")])
def test_the_networks_word_is_kept(books: Books, arrived: bool, state: str, why: str | None) -> None:
    opt_in(books, issue(books))
    send(books, "r7")
    assert books.do(desk.report, desk.Report("modem-2", "r7", arrived)) is False
    assert books.do(desk.report, desk.Report(MODEM, "r8", arrived)) is False
    assert books.do(desk.report, desk.Report(MODEM, "r7", arrived)) is True
    assert books.do(desk.report, desk.Report(MODEM, "r7", not arrived)) is False, "it is told once"
    assert states(books) == [("issued", state, why)]
    assert [event.type for event in books.events("message.")] == [
        *("message.opted_in", "message.wanted", "message.sent", f"message.{state}"),
    ]


def test_a_reference_that_comes_again_means_the_newest(books: Books) -> None:
    for phone in (PHONE, OTHER):
        opt_in(books, issue(books), phone)
        send(books, "12")
        books.wall.at += 1
    books.do(desk.report, desk.Report(MODEM, "12", True))
    assert [state for _, state, _ in states(books)] == ["sent", "delivered"]


# ---- what is held back


def test_in_quiet_hours_nothing_goes_out_and_the_reason_is_kept(tmp_path: Path) -> None:
    books = with_messages(tmp_path, quiet=[{"from": "08:30", "to": "09:10"}])
    opt_in(books, issue(books))
    assert send(books) is None
    books.wall.at += 600
    assert send(books) is None, "it is not sent afterwards"
    assert states(books) == [("issued", "suppressed", "quiet")]
    (event,) = books.events("message.suppressed")
    assert (event.data["why"], event.data["number"]) == ("quiet", "A001")


def test_the_hall_sends_so_many_a_day(tmp_path: Path) -> None:
    books = with_messages(tmp_path, daily_cap=2)
    for n in range(3):
        opt_in(books, issue(books), f"1380013800{n}")
    assert [send(books) is not None for _ in range(3)] == [True, True, False]
    assert states(books)[-1] == ("issued", "suppressed", "daily_cap")
    books.wall.at += DAY_S
    opt_in(books, issue(books))
    assert send(books) is not None


def test_one_number_gets_so_many_a_day_whatever_the_ticket(tmp_path: Path) -> None:
    books = with_messages(tmp_path, per_phone=2)
    for _ in range(3):
        opt_in(books, issue(books))
    opt_in(books, issue(books), OTHER)
    assert [send(books) is not None for _ in range(4)] == [True, True, True, False]
    assert [why for _, state, why in states(books) if state == "suppressed"] == ["per_phone"]


def test_what_surely_did_not_go_out_counts_for_no_cap(tmp_path: Path) -> None:
    books = with_messages(tmp_path, daily_cap=1)
    opt_in(books, issue(books))
    claimed = claim(books)
    assert claimed is not None
    books.do(desk.unsent, desk.Unsent(claimed.id, "failed", "barred"))
    opt_in(books, issue(books))
    claimed = claim(books)
    assert claimed is not None
    books.do(desk.unsent, desk.Unsent(claimed.id, "unknown", "cut_off"))
    opt_in(books, issue(books))
    assert claim(books) is None
    assert [why for _, _, why in states(books)] == ["barred", "cut_off", "daily_cap"]


# ---- forgetting


@pytest.mark.req("SEC-04")
def test_a_number_is_forgotten_after_the_day_and_the_last_event_that_refers_to_it(books: Books) -> None:
    opt_in(books, issue(books))
    send(books)
    last = books.rows("SELECT event FROM contact")[0][0]
    assert last == books.events()[-1].seq
    assert not stale(books, None), "the day goes on"
    books.wall.at += DAY_S
    assert not stale(books, last - 1)
    books.do(desk.forget, last - 1)
    assert len(books.rows("SELECT 1 FROM contact")) == 1, "the centre has not got it yet"
    assert stale(books, last)
    books.do(desk.forget, last)
    assert not books.rows("SELECT 1 FROM contact")
    assert books.rows("SELECT mark FROM message") == [(None,)]
    assert not stale(books, last)


def test_without_a_centre_the_day_decides(books: Books) -> None:
    opt_in(books, issue(books))
    books.wall.at += DAY_S
    today = issue(books)
    opt_in(books, today)
    books.do(desk.forget, None)
    assert books.rows("SELECT ticket FROM contact") == [(today,)]


def test_midnight_makes_no_message_new(books: Books) -> None:
    """Its number is still there, because the centre is away, or is given again; and so is its visitor."""
    books.wall.at += 15 * 3600 - 60
    ticket = issue(books)
    opt_in(books, ticket)
    send(books)
    call(books)
    assert "3号社保窗口" in str(send(books))
    books.wall.at += 90
    for delivered in (0, None):
        books.do(desk.forget, delivered)
        opt_in(books, ticket)
        remind(books)
        assert send(books) is None
    books.wall.at += 600
    books.do(desk.opt_out, desk.OptOut(ticket, "visitor"))
    books.do(desk.forget, None)
    assert books.rows("SELECT DISTINCT mark FROM message") == [(None,)]


def test_messages_are_kept_while_a_report_may_come(books: Books) -> None:
    opt_in(books, issue(books))
    send(books)
    books.wall.at += 2 * DAY_S
    books.do(desk.forget, None)
    assert books.do(desk.report, desk.Report(MODEM, "r1", True)) is True
    books.wall.at += DAY_S + 1
    books.do(desk.forget, None)
    assert not books.rows("SELECT 1 FROM message")


def stale(books: Books, delivered: int | None) -> bool:
    with books.database.read() as connection:
        return views.to_forget(connection, books.clock.now(), delivered)


@pytest.mark.req("SEC-04")
def test_no_event_names_a_number_or_a_text(books: Books) -> None:
    ticket = issue(books)
    opt_in(books, ticket)
    send(books)
    call(books)
    claimed = claim(books)
    assert claimed is not None
    books.do(desk.unsent, desk.Unsent(claimed.id, "failed", "barred"))
    books.do(desk.opt_out, desk.OptOut(ticket, "visitor"))
    told = json.dumps([dict(event.data) for event in books.events("message.")], ensure_ascii=False)
    mark = VAULT.mark("phone", PHONE)
    assert not [secret for secret in (PHONE, PHONE[3:7], mark, "社保窗口", "前面") if secret in told]
    for event in books.events("message."):
        assert (
            {"ticket", "number", "channel"}
            <= set(event.data)
            <= {"ticket", "number", "channel", "message", "kind", "why"}
        )
        assert (event.key, event.data["channel"]) == (ticket, "sms")


# ---- for ops


def test_ops_see_the_day_in_numbers_and_words(tmp_path: Path) -> None:
    books = with_messages(tmp_path, per_phone=2, daily_cap=9)
    for _ in range(3):
        opt_in(books, issue(books))
    send(books)
    claimed = claim(books)
    assert claimed is not None
    books.do(desk.unsent, desk.Unsent(claimed.id, "unknown", "cut_off"))
    assert send(books) is None
    with books.database.read() as connection:
        shown = views.overview(connection, books.hall, books.clock.now())
    counts = {"wanted": 0, "sending": 0, "sent": 1, "delivered": 0, "failed": 0, "unknown": 1, "expired": 0}
    assert shown["today"] == counts | {"suppressed": 1}
    assert (shown["device"], shown["quiet"], shown["used"], shown["daily_cap"]) == (MODEM, False, 2, 9)
    assert shown["suppressed"] == [{"why": "per_phone", "words": "这个手机号今天的短信到了上限", "count": 1}]
    (failure,) = shown["failures"]
    assert (failure["number"], failure["kind"], failure["state"]) == ("A002", "issued", "unknown")
    assert failure["words"] == "发送时中断，不知道发出没有"
    assert failure["at"].startswith("2026-03-02T09:00:00")
