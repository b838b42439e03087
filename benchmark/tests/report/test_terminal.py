import io

import pyarrow as pa
from report.runs import Speed, a_run, requests, round_rows
from rich.console import Console
from triphase_benchmark.metrics.rounds import rounds_of
from triphase_benchmark.plan.values import Load
from triphase_benchmark.report.gathered import Gathered, gathered
from triphase_benchmark.report.inputs import Inputs
from triphase_benchmark.report.tables import engine_table
from triphase_benchmark.report.terminal import console_for, print_report
from triphase_benchmark.report.words import UNDEFINED


def printed(run: Inputs, found: Gathered) -> str:
    stream = io.StringIO()
    print_report(run, found, console_for(stream))
    return stream.getvalue()


def test_a_log_gets_plain_text_in_whole_lines(run: Inputs, found: Gathered) -> None:
    text = printed(run, found)
    assert "\x1b" not in text
    assert not [line for line in text.splitlines() if line != line.rstrip()]
    row = next(line for line in text.splitlines() if line.startswith("TTFT p50 ") and "…" in line)
    first = run.comparison[0]
    assert row.split()[2] == f"\N{MULTIPLICATION SIGN}{first.ratio:.3f}"
    assert row.endswith("better")


def test_all_that_is_known_is_printed(run: Inputs, found: Gathered) -> None:
    text = printed(run, found)
    for told in (
        "In 8 paired rounds",
        "simulated: vllm",
        "too few requests for p99: n = 147",
        "connection reset by peer",
    ):
        assert told in text


def test_a_terminal_gets_colours_within_its_width(run: Inputs, found: Gathered) -> None:
    stream = io.StringIO()
    console = Console(
        file=stream, force_terminal=True, width=100, color_system="standard", markup=False, highlight=False
    )
    print_report(run, found, console)
    assert "\x1b[1;32m" in stream.getvalue()


def test_names_are_no_markup_and_move_no_cursor() -> None:
    name = "[red]x[/red]\x1b[2J"
    speeds = {name: Speed(), "b": Speed()}
    run = a_run(
        manifest={"engines": [{"name": one} for one in speeds], "problems": ["[bold]\x1b[2J"]},
        rounds=round_rows(list(speeds), 2),
        table=requests(speeds=speeds, rounds=2),
    )
    text = printed(run, gathered(run))
    assert "[red]x[/red]\\x1b[2J" in text
    assert "! [bold]\\x1b[2J" in text
    assert "\x1b" not in text


def test_a_run_without_faults_says_so() -> None:
    good = requests(rounds=1)
    place = good.schema.get_field_index("error")
    good = good.set_column(place, good.schema.field(place), pa.nulls(len(good), pa.string()))
    run = a_run(rounds=round_rows(rounds=1), table=good)
    assert printed(run, gathered(run)).rstrip().endswith("Nothing was wrong with this run.")


def test_what_one_should_know_is_told_less_loudly_than_what_is_wrong() -> None:
    noted = a_run(manifest={"problems": ["it broke"], "notes": ["it tells no usage"]})
    text = printed(noted, gathered(noted))
    assert "! it broke" in text
    assert "- it tells no usage" in text


def test_phases_are_told_of_gateways_and_left_out_without_one() -> None:
    def told(*, gateway: bool) -> list[str]:
        table = requests(speeds={"direct": Speed(), "gateway": Speed(gateway=gateway)}, rounds=2)
        rows = rounds_of(table, load=Load.CLOSED).to_pylist()
        run = a_run(manifest={"engines": []}, rounds=rows, comparison=[], table=table)
        return [*printed(run, gathered(run)).splitlines(), *(row[0].text for row in engine_table(run).rows)]

    with_one, without = told(gateway=True), told(gateway=False)
    for phase in ("Accepted", "Prompt summary", "Reasoning summary"):
        (row,) = (line for line in with_one if line.startswith(f"{phase} p50 "))
        assert f"{UNDEFINED} (nothing measured)" in row
        assert "ms" in row
        assert f"{phase} p90" in with_one  # of the page
        assert not [line for line in without if line.startswith(phase)]
