"""The tables of facts: what became of the requests, who was measured, by what, on which machine.

Its rule: a fact that nobody told is "unknown", so that its absence is seen.
"""

from triphase_benchmark.engines.profiles import find_profile
from triphase_benchmark.report.gathered import Gathered
from triphase_benchmark.report.inputs import EngineFacts, Inputs
from triphase_benchmark.report.tables import Cell, Table
from triphase_benchmark.report.words import UNDEFINED, duration, harmless, label, named, written


def requests_table(inputs: Inputs, found: Gathered) -> Table:
    """What became of each engine's requests."""
    columns = ("engine", "planned", "succeeded", "failed", "warm-up", "token chunks", "in shared reads")
    rows = []
    for name in inputs.engines:
        counts = found.counts[name]
        shared = written("error_rate", counts.shared_reads / counts.chunks if counts.chunks else None)
        figures = (counts.planned, counts.succeeded, counts.failures.total(), counts.warm_up, counts.chunks)
        rows.append((Cell(named(name)), *(Cell(f"{figure:,}") for figure in figures), Cell(shared)))
    return Table("Requests", columns, tuple(rows))


def failure_table(found: Gathered) -> Table:
    """How many requests of each engine failed in which way, which share of all that is, and one example of each."""
    rows = tuple(
        (
            Cell(named(name)),
            Cell(harmless(kind)),
            Cell(f"{count:,}", "bad"),
            Cell(written("error_rate", count / counts.planned)),
            Cell(harmless(counts.examples.get(kind, ""), 200) or UNDEFINED),
        )
        for name, counts in found.counts.items()
        for kind, count in counts.failures.most_common()
    )
    return Table(
        "Failed requests by kind",
        ("engine", "kind", "requests", "share", "example"),
        rows,
        frozenset({"kind", "example"}),
    )


def facts_tables(inputs: Inputs) -> tuple[Table, Table]:
    """What was measured, and by what."""
    engines = tuple(
        (
            Cell(named(one.label or one.name)),
            *(Cell(harmless(text or "unknown")) for text in (one.url, one.profile, one.model, _version(one))),
            Cell("simulated" if one.simulated else "real"),
        )
        for one in inputs.facts.engines
    )
    columns = ("engine", "address", "profile", "model", "version", "speed")
    facts = inputs.facts
    own = {
        "tool": f"triphase-benchmark {facts.tool_version or 'of unknown version'}",
        "seed": facts.seed,
        "load": facts.load,
        "workload": facts.workload,
        "cache": facts.cache,
        "objectives": objectives(inputs),
    }
    rows = {**own, **facts.machine}
    return (
        Table("Engines", columns, engines, frozenset(columns)),
        Table(
            "Run and machine",
            ("what", "value"),
            tuple(
                (Cell(harmless(str(key))), Cell(harmless(str(value if value is not None else "unknown"))))
                for key, value in rows.items()
            ),
            frozenset({"value"}),
        ),
    )


def _version(one: EngineFacts) -> str | None:
    profile = find_profile(one.profile or "")
    tells_none = (one.url or "").startswith("grpc://") or (profile is not None and not profile.versions)
    return one.version or ("unknown, as such engines do not tell it" if tells_none else None)


def calibration_table(inputs: Inputs) -> Table:
    """How late the client read what had arrived, against an engine of its own that takes no time."""
    calibration = inputs.facts.calibration
    lags = {"p50": calibration.lag_p50_s, "p99": calibration.lag_p99_s, "most": calibration.lag_max_s}
    return Table(
        "The client's own lag, calibrated against an engine that takes no time",
        ("of", "lag"),
        tuple((Cell(of), Cell(duration(lag) if lag is not None else UNDEFINED)) for of, lag in lags.items()),
    )


def objectives(inputs: Inputs) -> str:
    """The service level objectives of the run."""
    told = (f"{label(name).title} ≤ {duration(most)}" for name, most in inputs.facts.slo.items())
    return ", ".join(map(harmless, told)) or "none"
