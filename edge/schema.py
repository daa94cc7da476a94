"""Every table of the database, at a glance."""

from __future__ import annotations

from edge.access.tables import IDEMPOTENCY, TOKEN
from edge.attendance.alarm_tables import ALARM
from edge.attendance.enrolment_tables import ENROLMENT, STRANGER
from edge.attendance.tables import ENTRY, OBJECTION, PERSON, PUBLICATION, PUNCH, RESULT, TERMINAL
from edge.bulletin.tables import BULLETIN, BULLETIN_VERSION, EMERGENCY
from edge.central.tables import PARKED, RELAY
from edge.devices.tables import ASSET_ENTRY, DEVICE_LINK, DEVICE_SEEN
from edge.evaluation.tables import EVALUATION, REVIEW_STEP, STRAY
from edge.inspection.tables import OBSERVATION
from edge.journal import JOURNAL, META
from edge.messages.tables import CONTACT, MESSAGE
from edge.queue.figures_tables import DAY_FIGURES
from edge.queue.tables import (
    APPOINTMENT,
    FORECAST_RESIDUAL,
    LINE,
    NOTICE,
    PERSON_TICKET,
    PRINT_JOB,
    SERIES,
    SERVICE_TIME,
    TICKET,
    TICKET_PERIOD,
)
from edge.timetable.tables import CALENDAR_DAY, HALL_DAY
from edge.windows.tables import ALERT as WINDOW_ALERT
from edge.windows.tables import CHANGE as WINDOW_CHANGE
from edge.windows.tables import NOTICE as WINDOW_NOTICE
from edge.windows.tables import WINDOW, ZONE_HOUR

TABLES = (
    *(META, JOURNAL, TICKET, LINE, TICKET_PERIOD, SERIES, PERSON_TICKET, APPOINTMENT, NOTICE, PRINT_JOB),
    *(SERVICE_TIME, FORECAST_RESIDUAL),
    *(WINDOW, WINDOW_CHANGE, WINDOW_ALERT, WINDOW_NOTICE, ZONE_HOUR, EVALUATION, STRAY, REVIEW_STEP),
    *(CALENDAR_DAY, HALL_DAY, DAY_FIGURES),
    *(PUNCH, TERMINAL, ENROLMENT, STRANGER, PERSON, ENTRY, PUBLICATION, RESULT, OBJECTION, ALARM),
    *(BULLETIN, BULLETIN_VERSION, EMERGENCY),
    *(CONTACT, MESSAGE, DEVICE_LINK, DEVICE_SEEN, ASSET_ENTRY, OBSERVATION, RELAY, PARKED, TOKEN, IDEMPOTENCY),
)
