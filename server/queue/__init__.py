"""The queue of people who are read first."""
