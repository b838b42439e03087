"""Asks engines: on time, with one time stamp for each read, and with proof of how exact those are."""
