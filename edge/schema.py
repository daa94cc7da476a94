"""Every table of the database, at a glance."""

from __future__ import annotations

from edge.access.tables import IDEMPOTENCY, TOKEN
from edge.attendance.alarm_tables import ALARM
from edge.attendance.enrolment_tables import ENROLMENT, STRANGER
from edge.attendance.tables import CALENDAR_DAY, ENTRY, OBJECTION, PERSON, PUBLICATION, PUNCH, RESULT, TERMINAL
from edge.central.tables import PARKED, RELAY
from edge.devices.tables import DEVICE_LINK
from edge.evaluation.tables import EVALUATION, STRAY
from edge.journal import JOURNAL, META
from edge.messages.tables import CONTACT, MESSAGE
from edge.queue.tables import APPOINTMENT, NOTICE, PERSON_TICKET, PRINT_JOB, SERIES, TICKET, TICKET_PERIOD
from edge.windows.tables import ALERT as WINDOW_ALERT
from edge.windows.tables import NOTICE as WINDOW_NOTICE
from edge.windows.tables import WINDOW, ZONE_HOUR

TABLES = (
    *(META, JOURNAL, TICKET, TICKET_PERIOD, SERIES, PERSON_TICKET, APPOINTMENT, NOTICE, PRINT_JOB),
    *(WINDOW, WINDOW_ALERT, WINDOW_NOTICE, ZONE_HOUR, EVALUATION, STRAY),
    *(PUNCH, TERMINAL, ENROLMENT, STRANGER, PERSON, ENTRY, CALENDAR_DAY, PUBLICATION, RESULT, OBJECTION, ALARM),
    *(CONTACT, MESSAGE, DEVICE_LINK, RELAY, PARKED, TOKEN, IDEMPOTENCY),
)
