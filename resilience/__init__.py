"""The proofs of resilience: what the gateway does where upstreams break, callers leave and it is told to stop.

A small cut of each is part of every test run, without a glance at the clock; `tox -e chaos` and `tox -e soak` run them
whole, measure, and print what they found. docs/resilience.md says what each proves.
"""
