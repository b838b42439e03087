"""`python -m efforts`: asks problems at every effort, prints a table, and draws `docs/images/reasoning-effort.png`.

Its rule: everything runs on loopback, and the same problems give the same figures; the picture is of sums that training
never showed. What is asked is `asking.py`, of whom
`stage.py`, the picture `chart.py`.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn
from triphase_benchmark.statistics.binomial import clopper_pearson

from efforts import chart
from efforts.asking import EFFORTS, Measured, measure
from efforts.problems import Problem, mixed, unseen
from efforts.stage import ENFORCED, IGNORING, READING, stage

PICTURE = Path(__file__).parent.parent / "docs" / "images" / "reasoning-effort.png"
NAMES = {
    READING: "a chat template that reads the effort",
    IGNORING: "a chat template that ignores it, as most do",
    ENFORCED: "the same, with thoughts that the gateway bounds",
}


async def measured(problems: Sequence[Problem]) -> list[Measured]:
    """Returns what all settings came to."""
    found: list[Measured] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        Progress(*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn()) as progress,
    ):
        async with stage(Path(folder)) as serving:
            for setting, name in NAMES.items():
                task = progress.add_task(name, total=len(problems) * len(EFFORTS))
                found += await measure(serving.client, setting, problems, on_answer=partial(progress.advance, task))
    return found


def table(found: Sequence[Measured]) -> Iterator[str]:
    """Yields the lines of a Markdown table."""
    yield "| setting | effort | reasoning tokens (mean) | output tokens (mean) | right | interval (95 %) |"
    yield "|---|---|---:|---:|---:|---|"
    for one in found:
        low, high = clopper_pearson(one.right, len(one.answers))
        right = f"{one.right} of {len(one.answers)}"
        tokens = f"{one.mean_reasoning:.1f} | {one.mean_tokens:.1f}"
        yield f"| {NAMES[one.setting]} | {one.effort} | {tokens} | {right} | {low:.1%} to {high:.1%} |"


def main() -> None:
    """Measures, prints and draws."""
    parser = argparse.ArgumentParser(prog="python -m efforts", description=__doc__)
    parser.add_argument("--every", type=int, default=4, help="ask one of so many of the 407 sums (default: 4)")
    parser.add_argument("--picture", type=Path, default=PICTURE, help="where the picture goes")
    parser.add_argument(
        "--mixed", type=int, default=0, metavar="N", help="ask N problems of all kinds, and draw nothing"
    )
    options = parser.parse_args()
    found = asyncio.run(measured(mixed(options.mixed) if options.mixed else unseen(every=options.every)))
    if not options.mixed:
        options.picture.write_bytes(chart.picture(found, NAMES))
    sys.stdout.writelines(f"{line}\n" for line in table(found))


if __name__ == "__main__":
    main()
