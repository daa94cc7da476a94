"""The hall's day: its hours, what was entered for a date, and how far the present day has come."""
