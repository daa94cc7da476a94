"""The feed: the journal as server-sent events, for screens that follow."""
