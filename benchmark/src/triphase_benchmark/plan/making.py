"""Makes a plan of what a user wants: every request of every round, from one seed.

Its rule: within a round each engine gets the same requests at the same times; between rounds, and between warm-up and
what is measured, no prompt comes twice. A round depends on the wish and its number, so that more of them can be made
later (`more_rounds`) and the earlier ones stay as they were.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from triphase_benchmark.plan.arrivals import Schedule, schedule
from triphase_benchmark.plan.engine_order import order_of_round
from triphase_benchmark.plan.loads import SECOND_NS, Amount, AnyLoad, ClosedLoad, Requests, expected_requests
from triphase_benchmark.plan.ports import Place, Workload
from triphase_benchmark.plan.problems import BadInput
from triphase_benchmark.plan.values import Load, Plan, PlannedRequest, Prompt, Round
from triphase_benchmark.plan.weaving import Slot, woven

# All of a plan stands in memory, in each worker.
MOST_REQUESTS = 1_000_000
DAY_NS = 86_400 * SECOND_NS
MOST_NS = 30 * DAY_NS


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a user asks for. `pause_ns` lies at least between the turns of a conversation, in an open loop.

    `measured`: `None` takes the whole of a trace. In a closed loop both amounts are numbers of requests: how many come
    in a given time would depend on the engine, and then no two engines would be asked the same.
    """

    seed: int
    workload: Workload
    load: AnyLoad
    engines: tuple[str, ...]
    iterations: int
    measured: Amount | None
    warm_up: Amount
    pause_ns: int = 10 * SECOND_NS


def make_plan(wish: Wish) -> Plan:
    """The plan of all rounds that are wished for.

    Raises:
        BadInput: The wish cannot be met, or the workload has too few prompts for it.
    """
    _check(wish)
    schedules = [_schedule(wish, number) for number in range(wish.iterations)]
    closed = isinstance(wish.load, ClosedLoad)
    return Plan(
        seed=wish.seed,
        load=Load.CLOSED if closed else Load.OPEN,
        concurrency=wish.load.concurrency if isinstance(wish.load, ClosedLoad) else None,
        rounds=tuple(_rounds(wish, schedules, first=0, serial=0)),
    )


def more_rounds(wish: Wish, plan: Plan, count: int) -> Plan:
    """The plan with `count` rounds more; those that it has stay as they are.

    Raises:
        BadInput: The workload has no prompts left for them.
    """
    first = len(plan.rounds)
    schedules = [_schedule(wish, number) for number in range(first, first + count)]
    serial = sum(request.after is None for round_ in plan.rounds for request in round_.requests)
    return replace(plan, rounds=(*plan.rounds, *_rounds(wish, schedules, first=first, serial=serial)))


def _rounds(wish: Wish, schedules: Sequence[Schedule], *, first: int, serial: int) -> list[Round]:
    rounds: list[Round] = []
    for number, times in enumerate(schedules, first):
        slots = _slots(wish, number, times, serial)
        serial += sum(slot.after is None for slot in slots)
        rounds.append(_round(wish, number, times, slots))
    return rounds


def _slots(wish: Wish, number: int, times: Schedule, serial: int) -> list[Slot]:
    """What each request of a round asks. No conversation goes from the warm-up into what is measured."""
    pause = wish.load.concurrency if isinstance(wish.load, ClosedLoad) else wish.pause_ns
    slots: list[Slot] = []
    begun = 0
    for part in (times.times_ns[: times.warm_up], times.times_ns[times.warm_up :]):
        done = len(slots)
        new = woven(partial(_begin, wish, number, serial, begun), moments=part, pause=pause)
        slots += [replace(slot, after=None if slot.after is None else slot.after + done) for slot in new]
        begun += sum(slot.after is None for slot in new)
    return slots


def _begin(wish: Wish, number: int, serial: int, begun: int, nth: int) -> tuple[Prompt, ...]:
    place = Place(round=number, number=begun + nth, serial=serial + begun + nth)
    size = wish.workload.size
    if size is not None and place.serial >= size:
        problem = f"{wish.workload.name} has {size} different prompts, too few: round {number + 1} needs more"
        raise BadInput(
            f"{problem}; ask for fewer requests or iterations, or allow repeats with repeat=tag or repeat=yes"
        )
    return wish.workload.conversation(wish.seed, place)


def _round(wish: Wish, number: int, times: Schedule, slots: Sequence[Slot]) -> Round:
    closed = isinstance(wish.load, ClosedLoad)
    requests = (
        PlannedRequest(
            number=place,
            prompt=replace(slot.prompt, id=f"r{number}-q{place}-{slot.prompt.id}"),
            scheduled_ns=None if closed else moment,
            warm_up=place < times.warm_up,
            after=slot.after,
        )
        for place, (slot, moment) in enumerate(zip(slots, times.times_ns, strict=True))
    )
    order = order_of_round(wish.engines, seed=wish.seed, number=number)
    return Round(number=number, engines=order, requests=tuple(requests))


def _schedule(wish: Wish, number: int) -> Schedule:
    """When the requests of a round are due; in a closed loop their numbers stand for times."""
    if not isinstance(wish.load, ClosedLoad):
        made = schedule(wish.load, seed=wish.seed, number=number, warm_up=wish.warm_up, measured=wish.measured)
        if made.warm_up == len(made.times_ns):
            raise BadInput(f"nothing would be measured in round {number + 1}: its duration is too short for the load")
        if made.times_ns[-1] > MOST_NS:
            raise BadInput(f"round {number + 1} would take {made.times_ns[-1] / DAY_NS:.0f} days: it takes at most 30")
        return made
    if not (isinstance(wish.warm_up, Requests) and isinstance(wish.measured, Requests)):
        problem = "a closed loop takes numbers of requests for --requests and --warmup, no durations"
        raise BadInput(f"{problem}: how many come in a time would depend on the engine, and they would not be the same")
    return Schedule(times_ns=tuple(range(wish.warm_up.count + wish.measured.count)), warm_up=wish.warm_up.count)


def _check(wish: Wish) -> None:
    if wish.seed < 0:
        raise BadInput(f"--seed {wish.seed}: a seed is a whole number from 0 on")
    if wish.iterations < 1:
        raise BadInput(f"--iterations {wish.iterations}: a run takes at least one")
    if not wish.engines or len(set(wish.engines)) < len(wish.engines):
        raise BadInput(f"engines need names, each its own; these are {', '.join(wish.engines) or 'none'}")
    if isinstance(wish.measured, Requests) and wish.measured.count < 1:
        raise BadInput("--requests 0: a run takes at least one")
    amounts = [amount for amount in (wish.warm_up, wish.measured) if amount is not None]
    if (count := sum(expected_requests(wish.load, amount) for amount in amounts)) > MOST_REQUESTS:
        raise BadInput(f"a round of some {count:.0f} requests is too large: it takes at most {MOST_REQUESTS}")
