"""Requests on their own, stalls, drift and noise: each time follows from its keys, in virtual time."""

import math
from itertools import pairwise
from statistics import fmean, stdev

import pytest
from triphase_model.engine.simulated.serving.chance import Climate, chunk_sizes, drawer, factor, natural_lengths
from triphase_model.engine.simulated.serving.jobs import Job, Run
from triphase_model.engine.simulated.serving.machines import machine_of, without_time
from triphase_model.engine.simulated.serving.ports import Machine
from triphase_model.engine.simulated.serving.prefix_cache import PrefixCache
from triphase_model.engine.simulated.serving.settings import (
    Cache,
    Chunking,
    Jitter,
    Lengths,
    Paced,
    Settings,
    Stalls,
    Steps,
    Weather,
)
from triphase_model.engine.simulated.serving.virtual import played
from triphase_model.engine.simulated.serving.working_time import WorkingTime

MS = 1_000_000
SECOND = 1_000_000_000


def machine(settings: Settings) -> Machine:
    return machine_of(settings, cache=PrefixCache(settings.cache), start_ns=0)


def job(key: str = "a", *chunks: int, prompt: int = 10) -> Job:
    return Job(key=key, prompt_tokens=prompt, chunks=chunks or (1, 1, 1))


def test_the_first_token_after_its_time_and_the_others_after_each_other() -> None:
    settings = Settings(timing=Paced(first_s=0.05, prefill_token_s=0.001, token_s=0.02))
    first, second = played(machine(settings), [(0, job("a")), (7 * MS, job("b", 2, 3))])
    assert first.chunks_ns == (60 * MS, 80 * MS, 100 * MS)
    assert second.chunks_ns == ((7 + 60 + 20) * MS, (7 + 80 + 60) * MS)


def test_speculative_chunks_take_the_time_of_one_token() -> None:
    settings = Settings(timing=Paced(first_s=0.05, token_s=0.02), chunking=Chunking(speculative=True))
    (course,) = played(machine(settings), [(0, job("a", 2, 3))])
    assert course.chunks_ns == (50 * MS, 70 * MS)


def test_times_belong_to_the_seed_and_the_request_not_to_the_order_of_arrival() -> None:
    def gaps(seed: int, *keys: str) -> dict[str, list[int]]:
        settings = Settings(jitter=Jitter(kind="gamma", cv=0.3), seed=seed)
        courses = played(machine(settings), [(0, job(key)) for key in keys])
        return {key: list(course.chunks_ns) for key, course in zip(keys, courses, strict=True)}

    assert gaps(1, "a", "b", "c") == gaps(1, "c", "a", "b")
    assert gaps(1, "a")["a"] != gaps(2, "a")["a"]
    assert gaps(1, "a")["a"] != gaps(1, "b")["b"]


def test_without_time_requests_take_turns() -> None:
    engine = machine(without_time(Settings(timing=Steps(), stalls=Stalls(length_s=9.0))))
    runs = [Run(job=job(key), submitted_ns=5) for key in "ab"]
    for run in runs:
        engine.submit(run)
    made = engine.advance(5, most=4)
    assert [(item.run.job.key, item.place, item.due_ns) for item in made] == [
        ("a", 0, 5),
        ("b", 0, 5),
        ("a", 1, 5),
        ("b", 1, 5),
    ]
    engine.drop(runs[0], 6)
    assert [item.run for item in engine.advance(6, most=4)] == [runs[1]]
    assert (engine.running, engine.due_ns()) == (0, None)


@pytest.mark.parametrize(
    ("stalls", "begin_s", "work_s", "end_s"),
    [
        (Stalls(), 1.0, 2.0, 3.0),
        (Stalls(first_s=2.0, length_s=0.5), 0.0, 1.0, 1.0),  # over before it
        (Stalls(first_s=2.0, length_s=0.5), 0.0, 2.0, 2.0),  # ends as it begins
        (Stalls(first_s=2.0, length_s=0.5), 1.0, 2.0, 3.5),  # through it
        (Stalls(first_s=2.0, length_s=0.5), 2.25, 1.0, 3.5),  # begins amid it
        (Stalls(first_s=2.0, length_s=0.5), 2.5, 1.0, 3.5),  # begins as it ends
        (Stalls(first_s=2.0, length_s=0.5), 2.25, 0.0, 2.5),  # nothing at all happens in it
        (Stalls(first_s=2.0, length_s=0.5, every_s=1.0), 0.0, 4.0, 6.0),  # through four
    ],
)
def test_stalls_stop_all_work(stalls: Stalls, begin_s: float, work_s: float, end_s: float) -> None:
    working = WorkingTime(stalls, start_ns=0)
    assert working.after(round(begin_s * SECOND), work_s * SECOND) == round(end_s * SECOND)


@pytest.mark.parametrize("kind", ["lognormal", "gamma", "uniform", "exponential"])
def test_factors_have_the_mean_one_and_the_variation_that_is_asked_for(kind: str) -> None:
    jitter = Jitter(kind=kind, cv=0.4)  # type: ignore[arg-type]
    random = drawer(3, kind)
    drawn = [factor(random, jitter) for _ in range(20_000)]
    wanted = 1.0 if kind == "exponential" else 0.4
    assert fmean(drawn) == pytest.approx(1.0, abs=5 * wanted / math.sqrt(len(drawn)))
    assert stdev(drawn) == pytest.approx(wanted, rel=0.05)
    assert min(drawn) >= 0


def test_no_jitter_is_the_factor_one() -> None:
    assert factor(drawer(0), Jitter()) == factor(drawer(0), Jitter(kind="gamma", cv=0.0)) == 1.0


def test_drift_grows_with_time_and_noise_remembers_itself() -> None:
    drifting = Climate(Weather(drift_per_hour=0.06), seed=1, start_ns=0)
    assert [drifting.at(int(hours * 3600 * SECOND)) for hours in (0, 0.5, 1)] == pytest.approx([1.0, 1.03, 1.06])
    noisy = Climate(Weather(noise_sd=0.1, noise_correlation=0.5), seed=1, start_ns=0)
    levels = [math.log(noisy.at(second * SECOND)) for second in range(20_000)]
    assert stdev(levels) == pytest.approx(0.1, rel=0.05)
    middle = fmean(levels)
    products = [(x - middle) * (y - middle) for x, y in pairwise(levels)]
    assert fmean(products) / stdev(levels) ** 2 == pytest.approx(0.5, abs=0.05)
    calm = Climate(Weather(), seed=1, start_ns=0)
    assert calm.at(99 * SECOND) == 1.0


def test_drift_slows_the_engine_down() -> None:
    settings = Settings(timing=Paced(first_s=0.1, token_s=0.1), weather=Weather(drift_per_hour=1.0))
    (course,) = played(machine(settings), [(3600 * SECOND, job())])
    assert course.chunks_ns[0] - 3600 * SECOND == 200 * MS


@pytest.mark.parametrize(
    ("chunking", "tokens", "expected"),
    [
        (Chunking(), 3, [1, 1, 1]),
        (Chunking(tokens=4), 10, [4, 4, 2]),
        (Chunking(tokens=2, first=5), 10, [5, 2, 2, 1]),
        (Chunking(first=5), 3, [3]),
        (Chunking(tokens=1, spread="geometric"), 2, [1, 1]),
        (Chunking(), 0, []),
    ],
)
def test_tokens_are_dealt_to_chunks(chunking: Chunking, tokens: int, expected: list[int]) -> None:
    assert chunk_sizes(drawer(0), chunking, tokens, first=True) == expected


def test_geometric_chunks_have_their_mean_and_lose_no_token() -> None:
    sizes = chunk_sizes(drawer(0), Chunking(tokens=3, spread="geometric"), 30_000, first=True)
    assert sum(sizes) == 30_000
    assert fmean(sizes) == pytest.approx(3, rel=0.05)
    assert min(sizes) == 1


def test_lengths_have_their_means() -> None:
    drawn = [natural_lengths(drawer(0, str(n)), Lengths(reasoning=100, output=200, cv=0.5)) for n in range(5000)]
    assert fmean(thoughts for thoughts, _ in drawn) == pytest.approx(100, rel=0.05)
    assert fmean(output for _, output in drawn) == pytest.approx(200, rel=0.05)
    assert natural_lengths(drawer(0), Lengths(reasoning=7, output=9, cv=0)) == (7, 9)


def test_a_fixed_number_of_tokens_is_whole() -> None:
    with pytest.raises(ValueError, match="must be whole"):
        Chunking(tokens=1.5)
    with pytest.raises(ValueError, match="must be longer"):
        Stalls(length_s=2.0, every_s=1.0)


def test_the_cache_forgets_what_was_longest_unused() -> None:
    cache = PrefixCache(Cache(block_tokens=4, capacity_tokens=8))
    cache.keep((1, 2))
    assert cache.hit((1, 2, 3), 12) == 8
    assert cache.hit((1, 2), 8) == 4  # the last token is always read
    assert cache.hit((9, 2), 9) == 0  # a block counts only with all before it
    cache.keep((3,))
    assert cache.hit((1, 2), 9) == 4  # the second block, unused since its prompt was kept, had to go
    assert (cache.queries, cache.hits) == (38, 16)
    cache.clear()
    assert cache.hit((3,), 9) == 0
