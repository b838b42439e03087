"""The gate: what it says, and how often it is wrong over all of its looks."""

import pytest
from comparison.sessions import paired_table
from triphase_benchmark.comparison.gate import Gate, GateDecision, GateVerdict, decide
from triphase_benchmark.run.selftest.sessions import rounds_table, session, table
from triphase_benchmark.statistics.binomial import likely_counts

ONE = (("ttft", "p50"),)
GATE = Gate(max_regress=0.05, measures=ONE, first=8, most=32)
SEEDS = range(400)


def run(seed: int, effect: float, gate: Gate = GATE) -> tuple[GateVerdict, int]:
    """Adds rounds for as long as the gate asks for more."""
    latencies = session(seed, rounds=gate.most, effect=effect)
    look = gate.looks[0]
    while True:
        decision = decide(rounds_table(latencies[:look]), gate, baseline="base", engine="new", look=look)
        if not decision.add_rounds:
            return decision.verdict, look
        look += decision.add_rounds


def test_over_all_looks_it_is_wrong_as_seldom_as_stated() -> None:
    """Just at the limit, both claims are wrong."""
    told = [run(seed, 0.05)[0] for seed in SEEDS]
    _, most = likely_counts(0.05, len(SEEDS))
    assert told.count(GateVerdict.REGRESSED) <= most
    assert told.count(GateVerdict.NOT_REGRESSED) <= most


def test_looking_again_without_a_price_is_wrong_more_often() -> None:
    """The trap: at each look, the whole of what may go wrong. The session is the same, and so is the limit."""
    looks = range(8, 33, 2)
    wrong = 0
    for seed in SEEDS[:100]:
        latencies = session(seed, rounds=32, effect=0.05)
        verdicts = []
        for look in looks:
            greedy = Gate(max_regress=0.05, measures=ONE, first=look, most=look)
            rounds = rounds_table(latencies[:look])
            verdicts.append(decide(rounds, greedy, baseline="base", engine="new", look=look).verdict)
        wrong += GateVerdict.REGRESSED in verdicts
    assert wrong > likely_counts(0.05, 100)[1]


def test_it_finds_out_what_is_clear_with_few_rounds_and_the_rest_with_more() -> None:
    fine = [run(seed, 0.0) for seed in SEEDS[:200]]
    bad = [run(seed, 0.15) for seed in SEEDS[:200]]
    assert sum(verdict is GateVerdict.NOT_REGRESSED for verdict, _ in fine) > 180
    assert sum(verdict is GateVerdict.REGRESSED for verdict, _ in bad) > 180
    assert {look for _, look in fine} == {8, 16, 32}


def test_looks_double_up_to_the_limit() -> None:
    assert GATE.looks == (8, 16, 32)
    assert Gate(max_regress=0.05, first=8, most=20).looks == (8, 16, 20)
    assert Gate(max_regress=0.05, first=8, most=8).looks == (8,)


def decided(ratios: list[float], gate: Gate = GATE, look: int = 8) -> GateDecision:
    return decide(paired_table(ratios, gate.measures), gate, baseline="base", engine="new", look=look)


def test_three_verdicts_and_what_follows() -> None:
    clear = decided([1.2, 1.21, 1.19, 1.2, 1.22, 1.18, 1.2, 1.2])
    fine = decided([1.01, 0.99, 1.0, 1.0, 1.01, 0.99, 1.0, 1.0])
    open_ = decided([1.0, 1.1, 0.9, 1.2, 1.0, 1.1, 1.05, 1.05])
    assert (clear.verdict, clear.add_rounds) == (GateVerdict.REGRESSED, 0)
    assert (fine.verdict, fine.add_rounds) == (GateVerdict.NOT_REGRESSED, 0)
    assert (open_.verdict, open_.add_rounds) == (GateVerdict.INCONCLUSIVE, 8)
    assert clear.measures[0].low is not None
    assert 1.05 < clear.measures[0].low < 1.2
    last = decided([1.0, 1.1, 0.9, 1.2] * 8, look=32)
    assert (last.verdict, last.add_rounds) == (GateVerdict.INCONCLUSIVE, 0)


def test_of_throughput_less_is_worse() -> None:
    gate = Gate(max_regress=0.05, measures=(("output_throughput", "rate"),))
    assert decided([0.9, 0.91, 0.89, 0.9, 0.9, 0.91, 0.89, 0.9], gate).verdict is GateVerdict.REGRESSED
    assert decided([1.2, 1.1, 1.2, 1.1, 1.2, 1.1, 1.2, 1.1], gate).verdict is GateVerdict.NOT_REGRESSED
    assert decided([0.951] * 8, gate).verdict is GateVerdict.NOT_REGRESSED  # 5 % less is 0.95, not 1 / 1.05
    assert decided([0.949] * 8, gate).verdict is GateVerdict.REGRESSED


def test_one_measure_regresses_and_all_must_not() -> None:
    gate = Gate(max_regress=0.05, measures=(("ttft", "p50"), ("e2e", "p50")))
    wobbly = [1.0, 1.1, 0.9, 1.2, 1.0, 1.1, 1.05, 1.05]

    def both(first: list[float], second: list[float]) -> GateVerdict:
        rows = [
            (number, engine, measure, factor, None)
            for measure, ratios in zip(gate.measures, (first, second), strict=True)
            for number, ratio in enumerate(ratios)
            for engine, factor in (("base", 1.0), ("new", ratio))
        ]
        return decide(table(rows), gate, baseline="base", engine="new", look=8).verdict

    assert both([1.0] * 8, [1.2] * 8) is GateVerdict.REGRESSED
    assert both(wobbly, [1.2] * 8) is GateVerdict.REGRESSED
    assert both([1.0] * 8, [1.0] * 8) is GateVerdict.NOT_REGRESSED
    assert both([1.0] * 8, wobbly) is GateVerdict.INCONCLUSIVE


def test_void_rounds_are_told_and_leave_it_open() -> None:
    rows = [
        (number, engine, ONE[0], 1.0, "it died" if engine == "new" and number else None)
        for number in range(8)
        for engine in ("base", "new")
    ]
    decision = decide(table(rows), GATE, baseline="base", engine="new", look=8)
    assert (decision.verdict, decision.add_rounds) == (GateVerdict.INCONCLUSIVE, 8)
    assert [(pair.round, pair.engine, pair.reason) for pair in decision.dropped] == [
        (number, "new", "it died") for number in range(1, 8)
    ]
    assert decision.measures[0].rounds == 1


def test_looking_at_another_time_is_refused() -> None:
    with pytest.raises(ValueError, match="not after 9"):
        decided([1.0] * 9, look=9)


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_regress": 1.0},
        {"max_regress": -0.1},
        {"max_regress": 0.05, "first": 1},
        {"max_regress": 0.05, "first": 9, "most": 8},
        {"max_regress": 0.05, "confidence": 1.0},
        {"max_regress": 0.05, "measures": ()},
        {"max_regress": 0.05, "measures": (("error_rate", "rate"),)},
        {"max_regress": 0.05, "measures": (("speed", "p50"),)},
    ],
)
def test_a_gate_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must"):
        Gate(**wrong)  # type: ignore[arg-type]
