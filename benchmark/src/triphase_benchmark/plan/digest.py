"""A plan as bytes, and what it is known by: one plan, one text, one SHA-256, in every process and on every machine.

Its rule: canonical JSON (sorted names, no spaces, UTF-8), so that two plans are equal exactly where their bytes are.
The manifest of a run keeps the digests; workers get the bytes.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec

from triphase_benchmark.plan.values import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Digests:
    """SHA-256 in hexadecimal digits: of all of it; of who is asked when; of what is asked."""

    plan: str
    schedule: str
    prompts: str


def plan_bytes(plan: Plan) -> bytes:
    """The canonical bytes of a plan."""
    return _canonical(plan)


def plan_of(data: bytes) -> Plan:
    """The plan of these bytes.

    Raises:
        msgspec.DecodeError: They are not those of a plan.
    """
    return msgspec.json.decode(data, type=Plan)


def digests(plan: Plan) -> Digests:
    """What a plan is known by."""
    times = [(r.number, r.engines, [(q.scheduled_ns, q.warm_up, q.after) for q in r.requests]) for r in plan.rounds]
    prompts = [[request.prompt for request in round_.requests] for round_ in plan.rounds]
    return Digests(
        plan=_hex(plan_bytes(plan)),
        schedule=_hex(_canonical([plan.load, plan.concurrency, times])),
        prompts=_hex(_canonical(prompts)),
    )


def _canonical(value: Any) -> bytes:
    return msgspec.json.encode(value, order="sorted")


def _hex(data: bytes) -> str:
    return sha256(data).hexdigest()
