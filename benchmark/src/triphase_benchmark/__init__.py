"""Compares inference engines: the same requests to each, in paired rounds, and a client that proves itself."""
