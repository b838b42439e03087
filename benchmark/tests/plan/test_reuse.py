from dataclasses import replace

import pytest
from triphase_benchmark.plan.reuse import planned_reuse
from triphase_benchmark.plan.values import Load, Message, Plan, PlannedRequest, Prompt, Round


def request(number: int, text: str, *, warm_up: bool = False, after: int | None = None) -> PlannedRequest:
    prompt = Prompt(id=str(number), messages=(Message(role="user", content=text),))
    return PlannedRequest(number=number, prompt=prompt, scheduled_ns=None, warm_up=warm_up, after=after)


def plan(*rounds: tuple[PlannedRequest, ...]) -> Plan:
    made = tuple(Round(number=n, engines=("a",), requests=requests) for n, requests in enumerate(rounds))
    return Plan(seed=1, load=Load.CLOSED, concurrency=1, rounds=made)


A, B = "a" * 122, "b" * 122  # with `<user>`, two blocks of 64 characters


def test_only_what_an_earlier_request_began_with_is_known() -> None:
    assert planned_reuse(plan((request(0, A), request(1, B)))) == 0
    assert planned_reuse(plan((request(0, A), request(1, A)))) == 0.5
    assert planned_reuse(plan((request(0, A),), (request(0, A),))) == 0.5
    assert planned_reuse(plan((request(0, A + B), request(1, B)))) == 0


def test_blocks_are_known_from_the_beginning_only() -> None:
    half = A[:58] + B[:64]
    assert planned_reuse(plan((request(0, A), request(1, half)))) == 0.25


def test_warm_up_fills_the_cache_and_is_not_counted() -> None:
    assert planned_reuse(plan((request(0, A, warm_up=True), request(1, A)))) == 1
    assert planned_reuse(plan((request(0, A, warm_up=True),))) == 0


def test_a_later_turn_begins_with_the_turns_before_it() -> None:
    turns = (request(0, A), request(1, B, after=0))
    assert planned_reuse(plan(turns)) == pytest.approx(1 / 3)
    apart = (turns[0], replace(turns[1], after=None))
    assert planned_reuse(plan(apart)) == 0
