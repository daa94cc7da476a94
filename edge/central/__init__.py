"""The central system: it gets every event once, in order per key, even after days without it."""
