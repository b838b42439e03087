"""The ways in which plans are known to go wrong: each check passes for ours, and fails for the naive way."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from triphase_benchmark.plan.chance import cell_seed
from triphase_benchmark.plan.load_flag import load_of
from triphase_benchmark.plan.loads import AnyLoad, Requests
from triphase_benchmark.plan.making import Wish, make_plan
from triphase_benchmark.plan.reuse import planned_reuse
from triphase_benchmark.plan.values import Message, Plan, PlannedRequest, Prompt, Round
from triphase_benchmark.workload.naming import workload_of

N = 50
WISH = Wish(
    seed=42,
    workload=workload_of("synthetic,input=uniform:100:300,output=uniform:10:500"),
    load=load_of("poisson:8"),
    engines=("a", "b"),
    iterations=3,
    measured=Requests(count=N),
    warm_up=Requests(count=5),
)
Maker = Callable[[int, str, int], Plan]


def ours(seed: int, load: str, requests: int) -> Plan:
    return make_plan(replace(WISH, seed=seed, load=load_of(load), measured=Requests(count=requests)))


def lengths(plan: Plan) -> list[int | None]:
    return [request.prompt.output_tokens for round_ in plan.rounds for request in round_.requests]


def times(plan: Plan) -> list[int | None]:
    return [request.scheduled_ns for round_ in plan.rounds for request in round_.requests]


def beginnings(requests: Sequence[PlannedRequest]) -> set[str]:
    return {request.prompt.messages[0].content[:64] for request in requests}


@dataclass(frozen=True, slots=True, kw_only=True)
class Naive:
    """One generator for everything, seeded once; prompts by number, and a warm-up that repeats the first."""

    constant_draws: bool = False

    def __call__(self, seed: int, load: str, requests: int) -> Plan:
        chance = np.random.default_rng(seed)
        asked: AnyLoad = load_of(load)
        rounds = []
        for number in range(3):
            moment, made = 0.0, []
            for place in range(requests):
                moment += 1 / 8 if load.startswith("constant") else float(chance.exponential(1 / 8))
                tokens = 100 if self.constant_draws else int(chance.integers(10, 500))
                made.append(self._request(place, place, moment, tokens))
            first = self._request(requests, 0, 0.0, 10)
            rounds.append(Round(number=number, engines=("a", "b"), requests=(replace(first, warm_up=True), *made)))
        return replace(make_plan(replace(WISH, load=asked, iterations=1)), rounds=tuple(rounds))

    def _request(self, number: int, place: int, moment: float, tokens: int) -> PlannedRequest:
        text = f"Prompt {place}: " + f"tell me all about the number {place}. " * 20
        prompt = Prompt(id=str(place), messages=(Message(role="user", content=text),), output_tokens=tokens)
        return PlannedRequest(number=number, prompt=prompt, scheduled_ns=round(moment * 1e9))


def lengths_leave_arrivals_alone(one: Plan, other: Plan) -> bool:
    return times(one) == times(other) and lengths(one) != lengths(other)


def test_other_lengths_leave_the_arrivals_as_they_are() -> None:
    fixed = make_plan(replace(WISH, workload=workload_of("synthetic,input=100,output=100")))
    assert lengths_leave_arrivals_alone(make_plan(WISH), fixed)
    naive = Naive()(42, "poisson:8", N), Naive(constant_draws=True)(42, "poisson:8", N)
    assert not lengths_leave_arrivals_alone(*naive)


def load_leaves_lengths_alone(make: Maker) -> bool:
    one, other = make(42, "poisson:8", N), make(42, "constant:8", N)
    return lengths(one) == lengths(other) and times(one) != times(other)


def test_another_load_leaves_lengths_and_prompts_as_they_are() -> None:
    assert load_leaves_lengths_alone(ours)
    assert not load_leaves_lengths_alone(Naive())


def warm_up_is_disjoint(plan: Plan) -> bool:
    """Within each round, and across all rounds."""
    everything = [request for round_ in plan.rounds for request in round_.requests]
    warm, measured = ([r for r in everything if r.warm_up is kind] for kind in (True, False))
    return bool(warm) and not beginnings(warm) & beginnings(measured)


def test_the_warm_up_has_no_prompt_that_is_measured() -> None:
    assert warm_up_is_disjoint(make_plan(WISH))
    assert not warm_up_is_disjoint(Naive()(42, "poisson:8", N))


def rounds_are_disjoint(plan: Plan) -> bool:
    first, second, third = (beginnings(round_.requests) for round_ in plan.rounds)
    return not (first & second or first & third or second & third)


def test_no_round_hits_the_cache_of_another() -> None:
    plan, naive = make_plan(WISH), Naive()(42, "poisson:8", N)
    assert rounds_are_disjoint(plan)
    assert not rounds_are_disjoint(naive)
    assert planned_reuse(plan) == 0
    assert planned_reuse(naive) > 0.5


def test_lengths_and_times_do_not_go_together() -> None:
    """A stream that is read by turns for a gap and a length would tie each length to the gap before it."""
    workload = workload_of("chat,output=uniform:10:500")
    plan = make_plan(replace(WISH, workload=workload, iterations=1, measured=Requests(count=2000)))
    requests = [request for request in plan.rounds[0].requests if not request.warm_up]
    gaps = np.diff([request.scheduled_ns or 0 for request in requests])
    tokens = np.array([request.prompt.output_tokens or 0 for request in requests])[1:]
    assert abs(np.corrcoef(gaps, tokens)[0, 1]) < 0.08
    shared = np.random.default_rng(1).random(2000)
    assert abs(np.corrcoef(-np.log(shared), 10 + shared * 490)[0, 1]) > 0.5


def test_cells_of_a_sweep_have_no_prompt_in_common() -> None:
    cells = [ours(cell_seed(42, cell), "poisson:8", N) for cell in range(3)]
    texts = [beginnings([request for round_ in plan.rounds for request in round_.requests]) for plan in cells]
    assert len(set.union(*texts)) == sum(map(len, texts))
    assert cell_seed(42, 1) == cell_seed(42, 1)
    same = [ours(42, load, N) for load in ("poisson:8", "poisson:16")]
    assert beginnings(same[0].rounds[0].requests) & beginnings(same[1].rounds[0].requests)


def test_the_whole_of_a_plan_comes_again_with_its_seed() -> None:
    assert ours(42, "gamma:8,0.5", N) == ours(42, "gamma:8,0.5", N)
    assert not set(times(ours(42, "poisson:8", N))) & set(times(ours(43, "poisson:8", N)))
