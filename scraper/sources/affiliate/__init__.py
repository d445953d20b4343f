"""The affiliate API: who is online now, with what they show and how many watch."""
