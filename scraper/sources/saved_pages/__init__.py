"""Pages that the owner saved by hand in a browser."""
