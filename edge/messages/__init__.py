"""Messages: what a visitor who asked for it is told by SMS; a message is a moment, sent once or never."""
