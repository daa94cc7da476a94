"""What the queue's days came to, over HTTP and as tables for other programs."""
