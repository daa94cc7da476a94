"""Windows: open or paused, armed for the next arrival, and the words on their signs."""
