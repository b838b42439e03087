"""How much of what a plan sends an engine may already have in its prefix cache, by the plan's own doing.

Its rule: what is measured as cached must agree with what was meant. Where prompts have nothing in common this is 0,
and an engine that reports hits all the same has been asked these prompts before. Text is compared in blocks of 64
characters, some 16 tokens, each with all that stands before it, as caches do; answers are not known and not counted.
"""

from collections.abc import Iterator
from hashlib import blake2b

from triphase_benchmark.plan.values import Plan, PlannedRequest, Round

_BLOCK = 64


def planned_reuse(plan: Plan) -> float:
    """The share of the characters measured, from 0 to 1, that stand in blocks which an earlier request had sent.

    Earlier are all requests of earlier rounds, and those of the same round that have a lower number, warm-up included.
    """
    seen: set[bytes] = set()
    known = total = 0
    for round_ in plan.rounds:
        for request, text in _texts(round_):
            blocks = list(_blocks(text))
            if not request.warm_up:
                total += len(text)
                known += _BLOCK * sum(block in seen for block in blocks)
            seen.update(blocks)
    return known / total if total else 0.0


def _texts(round_: Round) -> Iterator[tuple[PlannedRequest, str]]:
    """Each request with all that it sends: in a later turn of a conversation that is the turns before it too."""
    sent: dict[int, str] = {}
    for request in round_.requests:
        before = "" if request.after is None else sent[request.after]
        messages = (f"<{message.role}>{message.content}" for message in request.prompt.messages)
        sent[request.number] = before + "".join(messages)
        yield request, sent[request.number]


def _blocks(text: str) -> Iterator[bytes]:
    """The digests of all whole blocks, each of everything up to its end."""
    upto = blake2b(digest_size=16)
    for begin in range(0, len(text) - _BLOCK + 1, _BLOCK):
        upto.update(text[begin : begin + _BLOCK].encode())
        yield upto.digest()
