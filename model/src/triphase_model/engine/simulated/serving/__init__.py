"""A whole engine, simulated: it queues, batches, runs out of memory, caches prefixes, and knows when it sent what.

What a benchmark is proven against. When tokens come is decided by machines without I/O (`pacing.py`, `stepping.py`,
`queueing.py`), how they look by `wire.py`, who gets them by `engine.py`; what was really sent is `truth.py`.
"""
