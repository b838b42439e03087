"""What is compared: engines, how each is reached, and what is particular about it."""
