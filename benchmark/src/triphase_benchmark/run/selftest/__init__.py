"""The harness against engines whose truth is known: what it measures, beside what really happened.

`cases.py` has what is tried; `trying.py`, `sessions.py` and `starving.py` try it, `judging.py` compares, and
`proving.py` goes through all of it.
"""
