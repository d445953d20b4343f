"""When each source was heard, and why it was silent."""
