"""Days with and without price epochs."""
