from collections import Counter
from dataclasses import replace

import pytest
from plan.plain_workload import PlainWorkload
from triphase_benchmark.plan.engine_order import order_of_round
from triphase_benchmark.plan.load_flag import load_of
from triphase_benchmark.plan.loads import SECOND_NS, Duration, Requests, TraceLoad
from triphase_benchmark.plan.making import Wish, make_plan, more_rounds
from triphase_benchmark.plan.problems import BadInput
from triphase_benchmark.plan.values import Load, PlannedRequest

WISH = Wish(
    seed=42,
    workload=PlainWorkload(),
    load=load_of("poisson:20"),
    engines=("vllm", "friendli"),
    iterations=4,
    measured=Requests(count=50),
    warm_up=Requests(count=5),
)
TURNS = replace(WISH, workload=PlainWorkload(turns=3), pause_ns=SECOND_NS)


def texts(requests: tuple[PlannedRequest, ...]) -> list[str]:
    return [message.content for request in requests for message in request.prompt.messages]


def test_an_open_plan_has_what_was_wished_for() -> None:
    plan = make_plan(WISH)
    assert (plan.seed, plan.load, plan.concurrency) == (42, Load.OPEN, None)
    assert [round_.number for round_ in plan.rounds] == [0, 1, 2, 3]
    for round_ in plan.rounds:
        assert [request.number for request in round_.requests] == list(range(55))
        assert [request.warm_up for request in round_.requests] == [True] * 5 + [False] * 50
        assert all(request.scheduled_ns is not None for request in round_.requests)


def test_a_closed_plan_has_places_and_no_times() -> None:
    plan = make_plan(replace(WISH, load=load_of("closed:8")))
    assert (plan.load, plan.concurrency) == (Load.CLOSED, 8)
    assert {request.scheduled_ns for round_ in plan.rounds for request in round_.requests} == {None}
    assert [len(round_.requests) for round_ in plan.rounds] == [55] * 4


def test_no_prompt_and_no_id_comes_twice_in_a_run() -> None:
    plan = make_plan(WISH)
    everything = [request for round_ in plan.rounds for request in round_.requests]
    assert len({request.prompt.id for request in everything}) == len(everything) == 220
    assert len(set(texts(tuple(everything)))) == 220


def test_rounds_can_be_added_and_leave_the_earlier_ones_alone() -> None:
    for wish in (WISH, TURNS, replace(WISH, measured=Duration(ns=3 * SECOND_NS))):
        short, long = make_plan(wish), make_plan(replace(wish, iterations=7))
        assert more_rounds(wish, short, 3) == long
        assert long.rounds[:4] == short.rounds


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_each_engine_stands_at_each_place_once_in_a_block(count: int) -> None:
    engines = tuple("abcde"[:count])
    for block in range(20):
        orders = [order_of_round(engines, seed=1, number=block * count + row) for row in range(count)]
        assert all(sorted(order) == list(engines) for order in orders)
        assert all(sorted(places) == list(engines) for places in zip(*orders, strict=True))


def test_which_engine_comes_first_is_chance() -> None:
    firsts = Counter(order_of_round(("a", "b"), seed=seed, number=0)[0] for seed in range(400))
    assert 150 < firsts["a"] < 250  # a fair coin leaves this once in a million times


def test_turns_of_a_conversation_follow_each_other_with_a_pause() -> None:
    plan = make_plan(TURNS)
    later = [(round_, request) for round_ in plan.rounds for request in round_.requests if request.after is not None]
    assert len(later) > 50
    for round_, request in later:
        before = round_.requests[request.after or 0]
        assert before.warm_up == request.warm_up
        assert (request.scheduled_ns or 0) - (before.scheduled_ns or 0) >= SECOND_NS
        conversation, turn = before.prompt.messages[0].content.split("/")[1:]
        assert request.prompt.messages[0].content.startswith(f"42/{conversation}/{int(turn[0]) + 1}")


def test_turns_leave_the_times_of_a_load_as_they_are() -> None:
    for single, several in zip(make_plan(WISH).rounds, make_plan(TURNS).rounds, strict=True):
        assert [r.scheduled_ns for r in single.requests] == [r.scheduled_ns for r in several.requests]


def test_turns_in_a_closed_loop_leave_room_for_the_answer() -> None:
    plan = make_plan(replace(TURNS, load=load_of("closed:4")))
    distances = [request.number - request.after for request in plan.rounds[0].requests if request.after is not None]
    assert distances
    assert min(distances) >= 4


def test_a_trace_is_measured_to_its_end() -> None:
    trace = TraceLoad(name="t.jsonl", times_ns=tuple(range(30)))
    plan = make_plan(replace(WISH, load=trace, measured=None))
    assert [len(round_.requests) for round_ in plan.rounds] == [30] * 4


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        (replace(WISH, seed=-1), "--seed -1"),
        (replace(WISH, iterations=0), "--iterations 0"),
        (replace(WISH, engines=()), "engines need names, each its own; these are none"),
        (replace(WISH, engines=("a", "a")), "these are a, a"),
        (replace(WISH, measured=Requests(count=0)), "--requests 0"),
        (replace(WISH, measured=Requests(count=10**12)), "a round of some 1000000000005 requests is too large"),
        (replace(WISH, measured=Duration(ns=10**15)), "a round of some 20000005 requests is too large"),
        (replace(WISH, load=load_of("ramp:1-999999"), warm_up=Duration(ns=10**12)), "is too large"),
        (replace(WISH, load=load_of("constant:0.00001")), "round 1 would take 62 days: it takes at most 30"),
        (replace(WISH, measured=Duration(ns=1)), "nothing would be measured in round 1"),
        (replace(WISH, load=load_of("closed:8"), measured=Duration(ns=SECOND_NS)), "a closed loop takes numbers"),
        (replace(WISH, load=load_of("closed:8"), warm_up=Duration(ns=SECOND_NS)), "a closed loop takes numbers"),
        (replace(WISH, workload=PlainWorkload(size=219)), "plain has 219 different prompts, too few: round 4"),
    ],
)
def test_a_wish_that_cannot_be_met_is_told(wish: Wish, told: str) -> None:
    with pytest.raises(BadInput, match=told) as raised:
        make_plan(wish)
    assert "\n" not in str(raised.value)


def test_a_workload_that_is_just_large_enough_is_used_up() -> None:
    wish = replace(WISH, workload=PlainWorkload(size=220))
    with pytest.raises(BadInput, match="round 5"):
        more_rounds(wish, make_plan(wish), 1)
