"""The one exception of the hall's rules: somebody asked for a move that is not legal now."""

from __future__ import annotations

from collections.abc import Mapping

ENGLISH: Mapping[str, str] = {
    "already_printing": "Your slip is being printed, please wait",
    "appointment_cancelled": "This booking was cancelled. Please take a number or book again",
    "appointment_over": "This booking has passed. Please take a number or book again",
    "bad_phone": "This is no mobile number of mainland China. Please enter its 11 digits again",
    "booked_already": "You have a booking for this service on that day. Please come then, or choose another day",
    "card_gone": "Please lay your ID card on again",
    "declare_at_desk": "Please show your certificate at the help desk, the staff will give you priority",
    "demo_is_local": "The demo works on its own machine only",
    "evaluation_closed": "This rating is over",
    "foreign_origin": "This request came from another website",
    "form_unfit": "Please choose again",
    "has_another": "There is a booking or a number for this service already",
    "http_404": "There is no such page",
    "http_405": "This cannot be done here",
    "http_413": "This is too large",
    "illegal_move": "This number has moved on, and this cannot be done any more. Please ask at the help desk",
    "key_reused": "Please load the page again and try once more",
    "malformed": "Something is wrong in what was sent",
    "missing_word": "It cannot be printed now. Please ask at the help desk",
    "no_printer": "There is no printer for this number. Please ask at the help desk",
    "no_reader": "Cards are not read here. Please take a number without one",
    "no_sms": "There are no text messages in this hall",
    "no_such_alert": "There is no such call for help",
    "no_such_appointment": "No booking was found. Please check it, or take a number",
    "no_such_evaluation": "There is no such rating",
    "no_such_kiosk": "Please go to the help desk",
    "no_such_notice": "There is no such notice. Please check its number, or take a number without it",
    "no_such_service": "There is no such service here",
    "no_such_ticket": "There is no such number",
    "no_such_window": "There is no such window",
    "no_voice": "This machine cannot read aloud. Please ask at the help desk",
    "not_a_slot": "Please choose one of the times that are offered",
    "not_allowed": "This device may not do this",
    "not_bookable": "This service is not booked. Please take a number on the day",
    "not_booked": "This booking cannot be changed any more",
    "not_in_hand": "This number is not at this window",
    "not_offered": "There is no such priority here. Please ask at the help desk",
    "not_open": "The hall is closed at that time. Please choose another",
    "not_signed_in": "This device must be signed in first",
    "not_stored": "No numbers from this machine now. Please go to the help desk",
    "not_the_slip": "Please scan the code on your slip to rate",
    "nothing_in_hand": "There is no number at this window now",
    "notice_used": "This notice was used already. Please take a new number",
    "number_taken": "There is a booking with this number on that day. Please choose another day",
    "other_day": "This number is not of today. Please take a new one",
    "quota_full": "No more numbers for this service today. Please book, or come another day",
    "recall_limit": "This number was called often enough",
    "ref_taken": "This booking is for another service",
    "return_limit": "This number cannot come back again. Please take a new one",
    "service_gone": "This service is not given in this hall any more",
    "service_over": "No more service today. Please come another day, or ask at the help desk",
    "slot_full": "This time is booked up. Please choose another",
    "ticket_over": "This number is over, no more messages will be sent",
    "time_is_over": "This time has passed. Please choose another",
    "too_far": "This day cannot be booked yet. Please choose an earlier one",
    "too_large": "This is too large",
    "too_many_guesses": "Too many wrong tries. Please try again in ten minutes, or go to the help desk",
    "unknown_word": "It cannot be printed now. Please ask at the help desk",
    "wrong_token": "The password is wrong. Please ask for a new one",
}
"""By code, what a visitor is told who reads English. Where a number or a time matters the refusal brings its own."""
ELSE = "This cannot be done here. Please ask at the help desk"


class Refused(Exception):
    """A use case says no; nothing was written.

    `code` is stable and becomes the problem's type, `title` is Chinese and may be shown to a visitor or clerk,
    `detail` is for engineers, `status` is the HTTP status, `title_en` is for visitors.
    """

    def __init__(self, code: str, title: str, detail: str = "", status: int = 409, title_en: str = "") -> None:
        super().__init__(f"{code}: {detail or title}")
        self.code, self.title, self.detail, self.status = code, title, detail, status
        self.title_en = title_en or ENGLISH.get(code, ELSE)
