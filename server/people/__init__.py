"""The people the panel watches, and the owner's own accounts."""
