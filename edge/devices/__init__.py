"""Devices: the hub keeps each one alive and knows its health; what they tell becomes use cases."""
