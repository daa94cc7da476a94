"""Inspection: what patrols and supervisors saw in the hall, as entries that only grow."""
