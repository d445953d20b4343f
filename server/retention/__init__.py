"""How long things are kept: what is too old is rolled up or deleted, in small batches that stand for themselves."""
