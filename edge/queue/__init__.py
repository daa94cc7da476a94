"""Tickets: how they are issued, who is next, how long it takes, and what a window does with them."""
