"""Drivers: one file per device family, codec first. They know wires, never the hall."""
