"""The forms in which a result is told, one file for each."""
