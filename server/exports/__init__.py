"""Everything that a list shows, as one file: CSV for spreadsheets, JSON Lines for programs."""
