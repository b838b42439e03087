"""Continuous batching in virtual time: what a step costs, who waits, who starts over, and the ceiling that follows."""

import pytest
from triphase_model.engine.simulated.serving.jobs import Full, Job, Run, TooLong
from triphase_model.engine.simulated.serving.machines import machine_of
from triphase_model.engine.simulated.serving.prefix_cache import PrefixCache
from triphase_model.engine.simulated.serving.settings import Cache, Chunking, Jitter, Settings, Stalls, Steps
from triphase_model.engine.simulated.serving.stepping import StepMachine
from triphase_model.engine.simulated.serving.virtual import Course, played

MS = 1_000_000
PLAIN = Steps(step_s=0.01, sequence_s=0.0, context_token_s=0.0, prefill_token_s=0.0)


def machine(timing: Steps = PLAIN, *, cache: PrefixCache | None = None, **settings: object) -> StepMachine:
    whole = Settings(timing=timing, **settings)  # type: ignore[arg-type]
    made = machine_of(whole, cache=cache or PrefixCache(Cache()), start_ns=0)
    assert isinstance(made, StepMachine)
    return made


def job(key: str = "a", *, prompt: int = 10, tokens: int = 3, blocks: tuple[int, ...] = ()) -> Job:
    return Job(key=key, prompt_tokens=prompt, chunks=(1,) * tokens, blocks=blocks)


def run(timing: Steps, *jobs: tuple[int, Job]) -> list[Course]:
    return played(machine(timing), jobs)


def test_each_step_makes_a_token_for_every_request_in_the_batch() -> None:
    first, second = run(PLAIN, (0, job("a", tokens=3)), (5 * MS, job("b", tokens=2)))
    assert first.chunks_ns == (10 * MS, 20 * MS, 30 * MS)
    assert second.chunks_ns == (20 * MS, 30 * MS)  # it joins the step that begins after it came
    assert second.run.admitted_ns == 10 * MS


def test_a_step_costs_what_it_does() -> None:
    timing = Steps(step_s=0.01, sequence_s=0.001, context_token_s=0.0001, prefill_token_s=0.0005)
    (course,) = run(timing, (0, job(prompt=10, tokens=3)))
    read = 10 + 10 * 0.5
    first, second = 10 + 1 + 11 * 0.1, 10 + 1 + 12 * 0.1
    expected = (read, read + first, read + first + second)
    assert course.chunks_ns == pytest.approx([ms * MS for ms in expected])


def test_long_prompts_are_read_over_several_steps_while_others_go_on() -> None:
    timing = Steps(step_s=0.01, sequence_s=0.0, context_token_s=0.0, prefill_token_s=0.0, max_batched_tokens=100)
    first, long = run(timing, (0, job("a", prompt=10, tokens=6)), (5 * MS, job("b", prompt=250, tokens=1)))
    assert first.chunks_ns == tuple(step * 10 * MS for step in range(1, 7))
    # 99 tokens of it fit into each step beside the one that is made: three steps.
    assert long.chunks_ns == (40 * MS,)


def test_beyond_the_most_sequences_requests_wait_their_turn() -> None:
    timing = Steps(step_s=0.01, sequence_s=0.0, context_token_s=0.0, prefill_token_s=0.0, max_sequences=2)
    courses = run(timing, *[(0, job(key, tokens=2)) for key in "abc"])
    assert [course.run.admitted_ns for course in courses] == [0, 10 * MS, 20 * MS]
    assert courses[2].chunks_ns == (30 * MS, 40 * MS)


def test_throughput_has_the_ceiling_of_batch_over_step() -> None:
    timing = Steps(step_s=0.01, sequence_s=0.0, context_token_s=0.0, prefill_token_s=0.0, max_sequences=8)
    courses = run(timing, *[(0, job(str(number), tokens=50)) for number in range(80)])
    ended_s = max(course.chunks_ns[-1] for course in courses) / 1e9
    # The first request has its first step alone, since a step begins as soon as there is a request.
    assert 80 * 50 / ended_s == pytest.approx(8 / 0.01, rel=0.02)


def test_who_came_last_starts_over_when_memory_runs_out() -> None:
    timing = Steps(step_s=0.01, sequence_s=0.0, context_token_s=0.0, prefill_token_s=0.0, memory_tokens=30)
    engine = machine(timing)
    first, last = played(engine, [(0, job("a", tokens=15)), (0, job("b", tokens=8))])
    assert engine.preemptions == last.run.preemptions == 1
    assert first.run.preemptions == 0
    assert first.chunks_ns == tuple(step * 10 * MS for step in range(1, 16))
    # No token of it is made twice, and none gets lost; it goes on when the first has ended.
    assert len(last.chunks_ns) == 8
    gaps = [after - before for before, after in zip(last.chunks_ns, last.chunks_ns[1:], strict=False)]
    assert sorted(gaps)[:-1] == [10 * MS] * 6
    assert max(gaps) > 10 * MS
    assert engine.memory_share == 0.0
    assert (engine.running, engine.waiting) == (0, 0)


def test_what_never_fits_and_what_is_too_much_are_refused() -> None:
    engine = machine(Steps(memory_tokens=12, max_waiting=1, max_sequences=1))
    with pytest.raises(TooLong):
        engine.submit(Run(job=job(prompt=10, tokens=3), submitted_ns=0))
    for _ in range(2):
        engine.submit(Run(job=job(prompt=4, tokens=3), submitted_ns=0))
    with pytest.raises(Full):
        engine.submit(Run(job=job(prompt=4, tokens=3), submitted_ns=0))


def test_a_request_that_leaves_frees_its_place_and_its_memory() -> None:
    engine = machine(Steps(max_sequences=1))
    runs = [Run(job=job(key), submitted_ns=0) for key in "abc"]
    for run_ in runs:
        engine.submit(run_)
    engine.drop(runs[0], 1)
    engine.drop(runs[2], 1)
    engine.drop(runs[0], 2)
    times = []
    while (due_ns := engine.due_ns()) is not None:
        times += [made.run for made in engine.advance(due_ns, most=100)]
    assert times == [runs[1]] * 3
    assert engine.memory_share == 0.0


def test_what_a_cache_holds_is_not_read_again() -> None:
    timing = Steps(step_s=0.01, sequence_s=0.0, context_token_s=0.0, prefill_token_s=0.001)
    cache = PrefixCache(Cache(block_tokens=4))
    blocks = (1, 2)
    engine = machine(timing, cache=cache)
    cold, warm = played(engine, [(0, job("a", tokens=1, blocks=blocks)), (10**9, job("b", tokens=1, blocks=blocks))])
    assert (cold.run.cached_tokens, warm.run.cached_tokens) == (0, 8)
    assert cold.chunks_ns[0] == (10 + 10) * MS
    assert warm.chunks_ns[0] - 10**9 == (10 + 2) * MS
    assert (cache.queries, cache.hits) == (20, 8)


@pytest.mark.parametrize(("speculative", "expected"), [(False, (20, 40, 50)), (True, (10, 20, 30))])
def test_chunks_of_several_tokens_take_a_step_each_or_one_for_all(speculative: bool, expected: tuple[int, ...]) -> None:
    engine = machine(chunking=Chunking(tokens=2, speculative=speculative))
    (course,) = played(engine, [(0, Job(key="a", prompt_tokens=1, chunks=(2, 2, 1)))])
    assert course.chunks_ns == tuple(ms * MS for ms in expected)


def test_a_stall_stops_the_step_and_all_that_follow() -> None:
    engine = machine(stalls=Stalls(first_s=0.015, length_s=1.0))
    (course,) = played(engine, [(0, job(tokens=3))])
    assert course.chunks_ns == (10 * MS, 1020 * MS, 1030 * MS)


def test_the_same_seed_is_the_same_course() -> None:
    def courses(seed: int) -> list[tuple[int, ...]]:
        engine = machine(jitter=Jitter(kind="lognormal", cv=0.2), seed=seed)
        return [course.chunks_ns for course in played(engine, [(n * MS, job(str(n))) for n in range(20)])]

    assert courses(1) == courses(1)
    assert courses(1) != courses(2)
