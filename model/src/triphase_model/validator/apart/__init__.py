"""A whole check in a process of its own: for whoever must not be held up by one, nor die of it."""
