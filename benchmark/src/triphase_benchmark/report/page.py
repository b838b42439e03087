"""`report.html`: what stands on the page, from the verdict down to the command that repeats the run.

Its rule: the order is that of a reader's questions: what came out, can it be trusted, how does it look in detail, how
was it made. Whatever has nothing to show says so in a sentence with the reason.
"""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from triphase_benchmark.report import chart_tables, facts_tables, headline, tables
from triphase_benchmark.report.charts import theme
from triphase_benchmark.report.charts.against_load import load_chart
from triphase_benchmark.report.charts.by_round import round_chart
from triphase_benchmark.report.charts.comparison import comparison_chart
from triphase_benchmark.report.charts.distributions import distribution_chart
from triphase_benchmark.report.charts.flow import flow_chart
from triphase_benchmark.report.charts.phases import PHASES, phase_chart
from triphase_benchmark.report.document import Figure, Section, document, table_markup
from triphase_benchmark.report.gathered import Gathered
from triphase_benchmark.report.histogram import Histogram
from triphase_benchmark.report.inputs import Inputs, RoundValue
from triphase_benchmark.report.labelled import labelled
from triphase_benchmark.report.markup import Html, element, joined
from triphase_benchmark.report.words import harmless, label, named, titled
from triphase_benchmark.report.wrong import Wrong, wrongs

_DISTRIBUTIONS: Final = ("ttft", "ttfa", "tpot", "e2e", "itl", "icl")
_BY_ROUND: Final = (("ttft", "p50"), ("tpot", "p50"), ("e2e", "p50"), ("output_throughput", "rate"))
_AGAINST_LOAD: Final = (
    ("ttft", "p50"),
    ("ttft", "p99"),
    ("tpot", "p50"),
    ("e2e", "p99"),
    ("output_throughput", "rate"),
    ("goodput", "rate"),
)


def page(inputs: Inputs, found: Gathered) -> str:
    """The whole file, as text."""
    inputs, found = labelled(inputs, found)
    title = f"Benchmark: {headline.title(inputs)}"
    every = wrongs(inputs, found)
    sections = (
        Section(name="comparison", heading="Comparison", parts=tuple(_comparison(inputs))),
        Section(name="wrong", heading="What was wrong with this run", parts=tuple(_wrong(inputs, found, every))),
        Section(name="distributions", heading="Latency distributions", parts=tuple(_distributions(inputs, found))),
        Section(name="load", heading="Latency against load", parts=tuple(_load(inputs))),
        Section(name="throughput", heading="Throughput over time", parts=tuple(_flow(inputs, found))),
        Section(name="goodput", heading="Goodput", parts=tuple(_goodput(inputs))),
        Section(name="phases", heading="Phases of gateways", parts=tuple(_phases(inputs, found))),
        Section(name="rounds", heading="Round by round", parts=tuple(_rounds(inputs))),
        Section(name="client", heading="The client", parts=tuple(_client(inputs, found))),
        Section(name="run", heading="How it was measured", parts=tuple(_run(inputs))),
    )
    return document(title, _head(title, inputs, found, every), sections)


def _head(title: str, inputs: Inputs, found: Gathered, every: Sequence[Wrong]) -> Html:
    return joined(
        element("h1", title),
        *_simulated(inputs.facts.simulated),
        *(element("p", sentence, class_="verdict") for sentence in headline.verdicts(inputs)),
        *_grave([one for one in every if one.grave]),
        *(element("p", line, class_="faint") for line in headline.conditions(inputs, found)),
    )


def _simulated(names: Sequence[str]) -> Iterator[Html]:
    if names:
        told = f"Simulated: {', '.join(map(named, names))}. The speed of simulated engines is made up."
        yield element("p", told, class_="simulated")


def _grave(every: Sequence[Wrong]) -> Iterator[Html]:
    if every:
        listed = element("ul", *(element("li", one.text) for one in every))
        yield element("div", element("strong", "Read these figures with care"), listed, class_="grave", role="note")


def _comparison(inputs: Inputs) -> Iterator[Html | Figure]:
    if not inputs.comparison:
        yield element("p", "There is no comparison: it needs two engines, and rounds that count.")
    else:
        yield Figure(
            spec=theme.as_spec(comparison_chart(inputs.pictured)),
            alternative=f"Each metric as a multiple of the baseline's: {headline.legend(inputs)}.",
        )
        yield table_markup(tables.comparison_table(inputs))
    yield table_markup(tables.engine_table(inputs))


def _wrong(inputs: Inputs, found: Gathered, every: Sequence[Wrong]) -> Iterator[Html | Figure]:
    if every:
        yield element("ul", *(element("li", element("strong", one.text) if one.grave else one.text) for one in every))
    else:
        yield element(
            "p", "Nothing: no problem was noted, no round is void, no request failed, and the client was fast enough."
        )
    yield table_markup(facts_tables.requests_table(inputs, found))
    if (failures := facts_tables.failure_table(found)).rows:
        yield table_markup(failures)


_POOL: Final = (
    "Of all rounds that count together, warm-up and failed requests left out. Lines and percentiles are within 0.1 % "
    "of the values."
)


def _distributions(inputs: Inputs, found: Gathered) -> Iterator[Html | Figure]:
    yield element("p", _POOL, class_="faint")
    for measure in _DISTRIBUTIONS:
        yield element("h3", f"{label(measure).title}: {label(measure).meaning}")
        yield _distribution(measure, inputs, found)


def _distribution(measure: str, inputs: Inputs, found: Gathered) -> Html | Figure:
    spreads = _spreads(measure, inputs, found)
    title, of = label(measure).title, "gaps" if measure in {"itl", "icl"} else "requests"
    chart = distribution_chart(spreads, title, inputs.engines)
    if chart is None:
        return element("p", f"No engine has a {title}: {_WHY_NONE.get(measure, 'no request succeeded')}.")
    return Figure(
        spec=theme.as_spec(chart),
        alternative=f"Share of {of} with at most this {title}, one line for each engine.",
        tables=(chart_tables.quantile_table(f"Percentiles of {title}", spreads),),
    )


_WHY_NONE: Final[Mapping[str, str]] = {
    "ttft": "no request had a token chunk",
    "ttfa": "no request gave output",
    "tpot": "no request gave more tokens than its first chunk held",
    "itl": "it takes requests with two token chunks, and an engine that tells how many tokens each chunk holds",
    "icl": "no request had two token chunks",
}


def _spreads(measure: str, inputs: Inputs, found: Gathered) -> dict[str, Histogram]:
    return {name: found.spreads.get((name, measure), Histogram()) for name in inputs.engines}


def _load(inputs: Inputs) -> Iterator[Html | Figure]:
    if not inputs.facts.sweep:
        yield element(
            "p", f"This run was at one load, {harmless(inputs.facts.load or 'unknown')}. A sweep measures several."
        )
    yield from (element("p", sentence) for sentence in headline.knee_sentences(inputs))
    for metric, statistic in _AGAINST_LOAD if inputs.facts.sweep else ():
        rows = _rows(inputs, metric, statistic)
        if (chart := load_chart(rows, inputs.facts.sweep, inputs.engines)) is not None:
            yield Figure(
                spec=theme.as_spec(chart),
                alternative=f"{titled(metric, statistic)} against load: lines by medians of rounds, dots for rounds.",
                tables=(chart_tables.load_table(inputs, metric, statistic),),
            )


def _flow(inputs: Inputs, found: Gathered) -> Iterator[Html | Figure]:
    chart = flow_chart(found.flows, inputs.engines)
    if chart is None:
        yield element("p", "No engine gave tokens in a round that counts.")
    else:
        yield Figure(
            spec=theme.as_spec(chart),
            alternative="Output tokens a second since a round began: mean of the rounds, band from least to most.",
            tables=(chart_tables.flow_table(inputs, found.flows),),
        )


def _goodput(inputs: Inputs) -> Iterator[Html | Figure]:
    objectives = facts_tables.objectives(inputs)
    rows = _rows(inputs, "goodput", "rate")
    chart = round_chart(rows, inputs.engines)
    if chart is None:
        yield element(
            "p", f"No goodput: {'no round has one' if inputs.facts.slo else 'no objectives were set (--slo)'}."
        )
    else:
        yield element("p", f"Requests a second that met all objectives: {objectives}. A failed request meets none.")
        yield _by_round(rows, inputs)


def _phases(inputs: Inputs, found: Gathered) -> Iterator[Html | Figure]:
    none = True
    for index, name in enumerate(inputs.engines):
        spreads = {phase: found.spreads[name, phase] for phase in PHASES if (name, phase) in found.spreads}
        chart = phase_chart(spreads, theme.PALETTE[index % len(theme.PALETTE)])
        if chart is None:
            continue
        none = False
        yield element("h3", named(name))
        yield Figure(
            spec=theme.as_spec(chart),
            alternative="When each phase begins after the request was sent: median, and 10th to 90th percentile.",
            tables=(
                chart_tables.quantile_table(
                    "Percentiles of each phase", {PHASES[key]: one for key, one in spreads.items()}, of="phase"
                ),
            ),
        )
    if none:
        yield element("p", "No engine of this run is a gateway, which alone answers in phases.")


def _rounds(inputs: Inputs) -> Iterator[Html | Figure]:
    for metric, statistic in _BY_ROUND:
        if round_chart(rows := _rows(inputs, metric, statistic), inputs.engines) is not None:
            yield element("h3", titled(metric, statistic))
            yield _by_round(rows, inputs)


def _by_round(rows: Sequence[RoundValue], inputs: Inputs) -> Figure:
    chart = round_chart(rows, inputs.engines)
    assert chart is not None
    return Figure(
        spec=theme.as_spec(chart),
        alternative=f"{titled(rows[0].metric, rows[0].statistic)} of each engine in each round.",
        tables=(chart_tables.round_table(rows, inputs.engines),),
    )


def _client(inputs: Inputs, found: Gathered) -> Iterator[Html | Figure]:
    why = inputs.facts.calibration.why
    yield element("p", f"{headline.client(inputs)}{': ' + harmless(why) if why else ''}.")
    yield table_markup(facts_tables.calibration_table(inputs))
    yield element("h3", f"{label('schedule_delay').title}: {label('schedule_delay').meaning}")
    yield _distribution("schedule_delay", inputs, found)


def _run(inputs: Inputs) -> Iterator[Html | Figure]:
    yield from map(table_markup, facts_tables.facts_tables(inputs))
    yield element("h3", "The command that repeats it")
    if inputs.facts.argv:
        yield element("pre", element("code", harmless(shlex.join(inputs.facts.argv), 20_000)))
    else:
        yield element("p", "The manifest does not tell.")


def _rows(inputs: Inputs, metric: str, statistic: str) -> list[RoundValue]:
    return [row for row in inputs.rounds if (row.metric, row.statistic) == (metric, statistic)]
