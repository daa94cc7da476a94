"""Simulators: honest devices, written from the manuals. They import neither drivers nor edge."""
