"""`python -m sidebyside GUIDELLM`: the same load by GuideLLM and by us, on one simulated engine that logs the truth.

Its rule: each tool is a process with its own defaults, gets the same prompts, one tool after the other, and is compared
with what the engine did to *its* requests, by its own definitions. Differences of definition are told, not judged; the
exit code is 1 where a tool's requests and the truth's do not match in number. GUIDELLM is its executable.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from triphase_benchmark.records.truth import truth_table
from triphase_benchmark.run.simulated import Simulated, simulated_engines
from triphase_benchmark.statistics.percentiles import percentiles

Floats: TypeAlias = NDArray[np.float64]

_TOKENS = 64
_PACE = ("timing.first_s=0.05", "timing.token_s=0.01", "lengths.reasoning=0")
_LENGTH = ("output_tokens", "output_tokens_count")  # as we call it, and as GuideLLM does
_SHARES = {"p50": 0.5, "p90": 0.9}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure: what a tool says, what it calls it, and what the engine did, in seconds."""

    tool: str
    name: str
    ours: str
    said: float
    true: float


def times(table: pa.Table, *, begin: str, chunks: str) -> Mapping[str, Floats]:
    """Measures of each request by our glossary's names, from any table of times."""
    rows = table.to_pylist()
    first = np.array([row[chunks][0] - row[begin] for row in rows])
    last = np.array([row[chunks][-1] - row[begin] for row in rows])
    gaps = np.concatenate([np.diff(row[chunks]) for row in rows])
    each = {"TTFT": first, "ICL": gaps, "TPOT": (last - first) / (_TOKENS - 1), "NTPOT": last / _TOKENS, "E2E": last}
    return {name: values / 1e9 for name, values in each.items()}


# What GuideLLM's report calls each, by our names: its ITL is a mean of each request, its TPOT counts the first token.
_GUIDELLM = {
    "TTFT": ("time_to_first_token_ms", 1e-3),
    "TPOT": ("inter_token_latency_ms", 1e-3),
    "NTPOT": ("time_per_output_token_ms", 1e-3),
    "E2E": ("request_latency", 1.0),
}


def by_us(out: Path, truth: pa.Table) -> Iterator[Row]:
    """Our figures, from the raw times that we keep."""
    measured = pq.read_table(out / "requests.parquet")
    measured = measured.filter(pc.invert(measured["warm_up"]))
    said = times(measured, begin="sent", chunks="chunk_times")
    true = times(_named(truth, measured["prompt"].to_pylist()), begin="received", chunks="chunk_sent")
    for name in said:
        for share in _SHARES:
            yield Row(
                tool="triphase",
                name=name,
                ours=f"{name} {share}",
                said=_at(said[name], share),
                true=_at(true[name], share),
            )


def by_guidellm(report: Path, truth: pa.Table) -> Iterator[Row]:
    """GuideLLM's figures, from the percentiles that it writes."""
    (one,) = json.loads(report.read_text())["benchmarks"]
    true = times(truth, begin="received", chunks="chunk_sent")
    for name, (called, unit) in _GUIDELLM.items():
        for share in _SHARES:
            said = one["metrics"][called]["successful"]["percentiles"][share] * unit
            yield Row(tool="GuideLLM", name=called, ours=f"{name} {share}", said=said, true=_at(true[name], share))


def _at(values: Floats, share: str) -> float:
    return percentiles(values, [_SHARES[share]])[0]


def _named(truth: pa.Table, prompts: Sequence[str]) -> pa.Table:
    return truth.filter(pc.is_in(truth["request"], pa.array(prompts)))


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        sys.exit(f"{command[0]} ended with {done.returncode}:\n{done.stdout[-4000:]}")


def measure(guidellm: str, folder: Path, *, requests: int, streams: int) -> tuple[pa.Table, Path, Path]:
    """Runs both, and returns the truth, our folder and GuideLLM's report."""
    prompts, out, report, log = (folder / name for name in ("prompts.jsonl", "run", "guidellm.json", "truth.log"))
    lines = (
        {
            "prompt": f"Question {n}: add {n} and {7 * n}, step by step.",
            "output_tokens": _TOKENS,
            "output_tokens_count": _TOKENS,
        }
        for n in range(2 * requests)
    )
    prompts.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    engine = Simulated(name="engine", like="paced", settings=_PACE, truth=log)
    with simulated_engines([engine]) as (served,):
        ours = ["run", "--engine", f"engine={served.url}", "--workload", str(prompts), "--load", f"closed:{streams}"]
        ours += ["-n", "1", "--requests", str(requests), "--warmup", "0", "--seed", "1", "--out", str(out), "--quiet"]
        _run([sys.executable, "-P", "-m", "triphase_benchmark", *ours])
        theirs = [
            "--backend",
            f"kind=openai_http,target={served.url}",
            "--profile",
            f"kind=concurrent,streams={streams}",
        ]
        theirs += ["--constraint", f"kind=max_requests,count={requests}", "--data", f"kind=json_file,path={prompts}"]
        theirs += ["--output", f"kind=json,path={report}", "--disable-console-interactive"]
        _run([guidellm, "run", *theirs])
    return truth_table(log), out, report


def split(truth: pa.Table, out: Path) -> tuple[pa.Table, pa.Table]:
    """The truth of our requests, and that of whatever came after them: GuideLLM's."""
    ours = _named(truth, pq.read_table(out / "requests.parquet")["prompt"].to_pylist())
    after = pc.greater(truth["received"], pc.max(ours["ended"]))
    whole = pc.equal(truth["output_tokens"], _TOKENS)
    return ours, truth.filter(pc.and_(after, whole))


def main() -> int:
    """Prints both beside the truth, and why they differ."""
    parser = argparse.ArgumentParser(prog="python -m sidebyside", description="GuideLLM beside triphase-benchmark.")
    parser.add_argument("guidellm", help="its executable")
    parser.add_argument("--requests", type=int, default=192)
    parser.add_argument("--streams", type=int, default=16)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        truth, out, report = measure(given.guidellm, Path(place), requests=given.requests, streams=given.streams)
        ours, theirs = split(truth, out)
        rows = [*by_us(out, ours), *by_guidellm(report, theirs)]
        client_ok = json.loads((out / "manifest.json").read_text())["calibration"]["client_ok"]
    print("\n".join([*table(rows), "", *reasons(client_ok=client_ok)]))
    print(
        f"\nrequests in the truth: {ours.num_rows} of ours, {theirs.num_rows} of GuideLLM's, {given.requests} planned"
    )
    return 0 if ours.num_rows == given.requests and theirs.num_rows >= given.requests else 1


def table(rows: Sequence[Row]) -> Iterator[str]:
    """Yields the lines of the table, in ms."""
    yield "| tool | it says | which is our | ms | the engine's truth | off | off, % |"
    yield "|---|---|---|--:|--:|--:|--:|"
    for row in rows:
        said, true = row.said * 1e3, row.true * 1e3
        off = f"{said - true:+.3f} | {said / true - 1:+.1%}"
        yield f"| {row.tool} | {row.name} | {row.ours} | {said:.3f} | {true:.3f} | {off} |"


def reasons(*, client_ok: bool | None) -> Iterator[str]:
    """Yields why the tools' figures are not the same figures."""
    yield "Why they differ:"
    yield "- GuideLLM's inter_token_latency is one mean for each request, (last - first) / (tokens - 1): our TPOT. Its"
    yield "  percentiles cannot show a stall within an answer, which ICL and ITL, of single gaps, do."
    yield "- Its time_per_output_token is latency / tokens, the wait for the first token included: our NTPOT."
    yield "- TTFT counts from the send in both. A tool that starts its clock before the request is made, or reads late,"
    yield "  has that time in its figure. The truth begins when the engine has read a request, so that its own wait for"
    yield "  a core, on a busy machine, is in both figures too."
    yield f"- Our client says of itself: client_ok {client_ok}. GuideLLM says nothing of the kind."


if __name__ == "__main__":
    sys.exit(main())
