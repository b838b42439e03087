"""The built-in prompt sets: text of our own, put together by chance. One file for each set, one table of all."""
