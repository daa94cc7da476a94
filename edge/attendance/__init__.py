"""Attendance of the staff: what a hall's own rules make of punches, leave and the calendar."""
