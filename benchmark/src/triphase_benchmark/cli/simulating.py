"""The command `simulate`: that of `triphase-model`, whose truth log becomes Parquet where its file is called so.

Its rule: while the engine serves, the log is written line by line beside that file, so that it costs no answer any time
and an engine that is killed leaves it; once the engine has stopped it is made into the table, and is gone.
"""

from functools import wraps
from pathlib import Path
from typing import Any

import typer
from triphase_model.engine.simulating import simulate as served

from triphase_benchmark.cli.failures import reporting


@wraps(served)  # its options are the command's
def simulate(*, truth: Path | None, **options: Any) -> None:
    """Serves until it is told to stop."""
    if truth is None or truth.suffix != ".parquet":
        served(truth=truth, **options)
        return
    log = truth.with_name(f"{truth.name}.jsonl")
    try:
        served(truth=log, **options)
    except typer.Exit:  # it could not serve
        log.unlink(missing_ok=True)
        raise
    with reporting():
        from triphase_benchmark.records.truth import write_truth  # noqa: PLC0415 - help is quick

        write_truth(log, truth)
        log.unlink()
