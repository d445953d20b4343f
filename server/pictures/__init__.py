"""Pictures of people: which are fetched, how they are kept, and how they are shown."""
