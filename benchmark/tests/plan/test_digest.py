import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from plan.plain_workload import PlainWorkload
from triphase_benchmark.plan.digest import digests, plan_bytes, plan_of
from triphase_benchmark.plan.load_flag import load_of
from triphase_benchmark.plan.loads import Requests
from triphase_benchmark.plan.making import Wish, make_plan
from triphase_benchmark.plan.values import Plan, PlannedRequest

WISH = Wish(
    seed=42,
    workload=PlainWorkload(turns=2),
    load=load_of("gamma:20,0.5"),
    engines=("a", "b", "c"),
    iterations=3,
    measured=Requests(count=20),
    warm_up=Requests(count=2),
    pause_ns=0,
)
PROGRAM = """
import sys
from plan.test_digest import WISH
from triphase_benchmark.plan.digest import plan_bytes
from triphase_benchmark.plan.making import make_plan
sys.stdout.buffer.write(plan_bytes(make_plan(WISH)))
"""


def with_first(plan: Plan, **changes: object) -> Plan:
    first = plan.rounds[0]
    changed: PlannedRequest = replace(first.requests[0], **changes)  # type: ignore[arg-type]
    return replace(plan, rounds=(replace(first, requests=(changed, *first.requests[1:])), *plan.rounds[1:]))


@pytest.mark.parametrize("hash_seed", ["0", "1", "random"])
def test_another_process_makes_the_same_bytes(hash_seed: str) -> None:
    tests = str(Path(__file__).parents[1])
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": tests}
    made = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, check=True, timeout=60)
    assert made.stdout == plan_bytes(make_plan(WISH))


def test_a_plan_comes_back_from_its_bytes() -> None:
    plan = make_plan(WISH)
    body = {"z": 1, "a": {"y": [1.5, None], "b": "ü"}}
    plan = with_first(plan, prompt=replace(plan.rounds[0].requests[0].prompt, extra_body=body))
    assert plan_of(plan_bytes(plan)) == plan


def test_the_order_of_names_in_a_body_does_not_matter() -> None:
    plan = make_plan(WISH)
    prompt = plan.rounds[0].requests[0].prompt
    one, other = ({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1})
    bodies = [with_first(plan, prompt=replace(prompt, extra_body=body)) for body in (one, other)]
    assert plan_bytes(bodies[0]) == plan_bytes(bodies[1])


def test_each_digest_tells_of_its_own_part() -> None:
    plan = make_plan(WISH)
    later = with_first(plan, scheduled_ns=1)
    other = with_first(plan, prompt=replace(plan.rounds[0].requests[0].prompt, output_tokens=3))
    made, moved, changed = digests(plan), digests(later), digests(other)
    assert moved.prompts == made.prompts
    assert moved.schedule != made.schedule
    assert changed.schedule == made.schedule
    assert changed.prompts != made.prompts
    assert len({made.plan, moved.plan, changed.plan}) == 3


def test_another_seed_makes_another_plan() -> None:
    assert digests(make_plan(WISH)).schedule != digests(make_plan(replace(WISH, seed=43))).schedule


def test_what_is_no_plan_is_told() -> None:
    with pytest.raises(msgspec.DecodeError):
        plan_of(b'{"seed": 1}')
