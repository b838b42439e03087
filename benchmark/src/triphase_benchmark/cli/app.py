"""The commands. Their options are `options.py`, what they do is `run/`, which is loaded when one is run."""

from typing import Annotated

import typer

from triphase_benchmark.cli import options as opt
from triphase_benchmark.cli.failures import EXIT_CODES, Commands, reporting
from triphase_benchmark.cli.simulating import simulate

app = typer.Typer(
    name="triphase-benchmark",
    cls=Commands,
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def run() -> None:
    """Runs the command line."""
    app()


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version  # noqa: PLC0415 - slow, and seldom asked for

        typer.echo(f"triphase-benchmark {version('triphase-benchmark')}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Compares inference engines in paired rounds, and says when it cannot tell them apart."""


@app.command(name="run", epilog=EXIT_CODES)
def run_(  # noqa: PLR0913 - each is an option
    *,
    engine: opt.EngineOption = None,
    engine_file: opt.EngineFileOption = None,
    vllm_url: opt.VllmOption = None,
    friendli_url: opt.FriendliOption = None,
    model: opt.ModelOption = None,
    load: opt.LoadOption = "closed:8",
    workload: opt.WorkloadOption = "chat",
    iterations: opt.IterationsOption = 8,
    requests: opt.RequestsOption = None,
    duration: opt.DurationOption = None,
    warmup: opt.WarmUpOption = "8",
    slo: opt.SloOption = None,
    tokenizer: opt.TokenizerOption = None,
    shared_prefix: opt.SharedPrefixOption = None,
    seed: opt.SeedOption = None,
    workers: opt.WorkersOption = None,
    baseline: opt.BaselineOption = None,
    timeout: opt.TimeoutOption = 600.0,
    wait: opt.WaitOption = 0.0,
    out: opt.OutOption = None,
    quiet: opt.QuietOption = False,
    json: opt.JsonOption = False,
    plain: opt.PlainOption = False,
) -> None:
    """Measures engines in paired rounds, and compares them.

    One engine is measured, several are compared with the first. The folder of results holds manifest.json, the tables
    requests.parquet, rounds.parquet and comparison.parquet, results.json, benchmark_comparison.png and report.html.
    """
    with reporting():
        from triphase_benchmark.cli import engines_given, running, wanting  # noqa: PLC0415 - help is quick

        given = wanting.RunGiven(
            engines=engines_given.EnginesGiven(
                engine=engine, engine_file=engine_file, vllm_url=vllm_url, friendli_url=friendli_url, model=model
            ),
            load=load,
            workload=workload,
            iterations=iterations,
            requests=requests,
            duration=duration,
            warmup=warmup,
            slo=slo,
            tokenizer=tokenizer,
            shared_prefix=shared_prefix,
            seed=seed,
            workers=workers,
            baseline=baseline,
            timeout=timeout,
            wait=wait,
            out=out,
        )
        code = running.run(given, engines_given.mode_of(quiet=quiet, json=json, plain=plain))
    raise typer.Exit(code)


@app.command(epilog=EXIT_CODES)
def demo(
    *,
    seed: opt.SeedOption = None,
    out: opt.OutOption = None,
    quiet: opt.QuietOption = False,
    json: opt.JsonOption = False,
    plain: opt.PlainOption = False,
) -> None:
    """Shows a whole run of two simulated engines, in about a minute: nothing to install, nothing to configure."""
    with reporting():
        from triphase_benchmark.cli import engines_given, running  # noqa: PLC0415 - help is quick

        code = running.demo(seed, out, engines_given.mode_of(quiet=quiet, json=json, plain=plain))
    raise typer.Exit(code)


@app.command(epilog=EXIT_CODES)
def gate(  # noqa: PLR0913 - each is an option
    *,
    engine: opt.EngineOption = None,
    engine_file: opt.EngineFileOption = None,
    vllm_url: opt.VllmOption = None,
    friendli_url: opt.FriendliOption = None,
    model: opt.ModelOption = None,
    max_regress: opt.MaxRegressOption = "5%",
    measure: opt.MeasureOption = None,
    load: opt.LoadOption = "closed:8",
    workload: opt.WorkloadOption = "chat",
    iterations: opt.IterationsOption = 8,
    max_iterations: opt.MostOption = 32,
    requests: opt.RequestsOption = None,
    duration: opt.DurationOption = None,
    warmup: opt.WarmUpOption = "8",
    slo: opt.SloOption = None,
    tokenizer: opt.TokenizerOption = None,
    shared_prefix: opt.SharedPrefixOption = None,
    seed: opt.SeedOption = None,
    workers: opt.WorkersOption = None,
    baseline: opt.BaselineOption = None,
    timeout: opt.TimeoutOption = 600.0,
    wait: opt.WaitOption = 0.0,
    out: opt.OutOption = None,
    quiet: opt.QuietOption = False,
    json: opt.JsonOption = False,
    plain: opt.PlainOption = False,
) -> None:
    """Answers whether an engine has become worse than it may: not regressed, regressed, or inconclusive.

    Drives both engines in paired rounds, --iterations of them at first and more until it can tell, up to
    --max-iterations. For scripts: the answer is the exit code.
    """
    with reporting():
        from triphase_benchmark.cli import engines_given, running, wanting  # noqa: PLC0415 - help is quick

        given = wanting.RunGiven(
            engines=engines_given.EnginesGiven(
                engine=engine, engine_file=engine_file, vllm_url=vllm_url, friendli_url=friendli_url, model=model
            ),
            load=load,
            workload=workload,
            iterations=iterations,
            requests=requests,
            duration=duration,
            warmup=warmup,
            slo=slo,
            tokenizer=tokenizer,
            shared_prefix=shared_prefix,
            seed=seed,
            workers=workers,
            baseline=baseline,
            timeout=timeout,
            wait=wait,
            out=out,
        )
        mode = engines_given.mode_of(quiet=quiet, json=json, plain=plain)
        code = running.gate(given, mode, max_regress=max_regress, most=max_iterations, measures=measure or ())
    raise typer.Exit(code)


@app.command(epilog=EXIT_CODES)
def sweep(  # noqa: PLR0913 - each is an option
    *,
    engine: opt.EngineOption = None,
    engine_file: opt.EngineFileOption = None,
    vllm_url: opt.VllmOption = None,
    friendli_url: opt.FriendliOption = None,
    model: opt.ModelOption = None,
    load: opt.SweptLoadOption = "poisson",
    first: opt.FromOption = 1.0,
    last: opt.ToOption = 1024.0,
    points: opt.PointsOption = 12,
    seconds: opt.SecondsOption = 10.0,
    iterations: opt.IterationsOption = 2,
    workload: opt.WorkloadOption = "chat",
    slo: opt.SloOption = None,
    tokenizer: opt.TokenizerOption = None,
    shared_prefix: opt.SharedPrefixOption = None,
    seed: opt.SeedOption = None,
    workers: opt.WorkersOption = None,
    timeout: opt.TimeoutOption = 600.0,
    wait: opt.WaitOption = 0.0,
    out: opt.OutOption = None,
    quiet: opt.QuietOption = False,
    json: opt.JsonOption = False,
    plain: opt.PlainOption = False,
) -> None:
    """Measures engines at growing loads, and looks closer where the first of them gives in.

    Loads double until every engine is saturated, then those around the knee are tried. The report shows latency and
    throughput against load.
    """
    with reporting():
        from triphase_benchmark.cli import engines_given, running, wanting  # noqa: PLC0415 - help is quick

        given = wanting.RunGiven(
            engines=engines_given.EnginesGiven(
                engine=engine, engine_file=engine_file, vllm_url=vllm_url, friendli_url=friendli_url, model=model
            ),
            load=load,
            workload=workload,
            iterations=iterations,
            requests=None,
            duration=None,
            warmup="0",
            slo=slo,
            tokenizer=tokenizer,
            shared_prefix=shared_prefix,
            seed=seed,
            workers=workers,
            baseline=None,
            timeout=timeout,
            wait=wait,
            out=out,
        )
        mode = engines_given.mode_of(quiet=quiet, json=json, plain=plain)
        code = running.sweep(given, mode, kind=load, first=first, last=last, points=points, seconds=seconds)
    raise typer.Exit(code)


@app.command(epilog=EXIT_CODES)
def probe(
    *,
    engine: opt.EngineOption = None,
    engine_file: opt.EngineFileOption = None,
    vllm_url: opt.VllmOption = None,
    friendli_url: opt.FriendliOption = None,
    model: opt.ModelOption = None,
    wait: opt.WaitOption = 0.0,
    json: opt.JsonOption = False,
) -> None:
    """Looks at engines without measuring them: what they are, and what a run would find wrong with them."""
    with reporting():
        from triphase_benchmark.cli import checking, engines_given  # noqa: PLC0415 - help is quick

        given = engines_given.EnginesGiven(
            engine=engine, engine_file=engine_file, vllm_url=vllm_url, friendli_url=friendli_url, model=model
        )
        code = checking.probe(given, wait=wait, json=json)
    raise typer.Exit(code)


@app.command(epilog=EXIT_CODES)
def effort(  # noqa: PLR0913 - each is an option
    *,
    engine: opt.OneEngineOption = None,
    engine_file: opt.EngineFileOption = None,
    vllm_url: opt.VllmOption = None,
    friendli_url: opt.FriendliOption = None,
    model: opt.ModelOption = None,
    levels: opt.LevelsOption = None,
    field: opt.FieldOption = None,
    prompts: opt.PromptsOption = "general",
    stages: opt.StagesOption = "12x2,30x3",
    temperature: opt.TemperatureOption = "0.6",
    max_tokens: opt.MaxTokensOption = None,
    tokenizer: opt.CounterOption = None,
    margin: opt.MarginOption = 1.15,
    concurrency: opt.ConcurrencyOption = 4,
    seed: opt.SeedOption = None,
    timeout: opt.TimeoutOption = 600.0,
    wait: opt.WaitOption = 0.0,
    out: opt.OutOption = None,
    quiet: opt.QuietOption = False,
    json: opt.JsonOption = False,
    plain: opt.PlainOption = False,
) -> None:
    """Measures whether an effort changes how long a model thinks: graded, binary, none, non-monotone, or unknown.

    Asks the same prompts at every level, in random order, and compares within prompts. For scripts: 0 it does, 1 it
    does not or not in order, 3 it cannot be told, 4 the engine cannot be measured. The folder of results holds
    effort.json, effort.png and effort.html.
    """
    with reporting():
        from triphase_benchmark.cli import effort as probing  # noqa: PLC0415 - help is quick
        from triphase_benchmark.cli import engines_given  # noqa: PLC0415
        from triphase_benchmark.run.effort.wanted import EffortGiven  # noqa: PLC0415

        engines = engines_given.EnginesGiven(
            engine=engine, engine_file=engine_file, vllm_url=vllm_url, friendli_url=friendli_url, model=model
        )
        given = EffortGiven(
            levels=levels,
            field=field,
            prompts=prompts,
            stages=stages,
            temperature=temperature,
            max_tokens=max_tokens,
            tokenizer=tokenizer,
            margin=margin,
            concurrency=concurrency,
            seed=seed,
            timeout=timeout,
            wait=wait,
            out=out,
        )
        code = probing.effort(engines, given, engines_given.mode_of(quiet=quiet, json=json, plain=plain))
    raise typer.Exit(code)


@app.command(epilog=EXIT_CODES)
def compare(*, folders: opt.FoldersArgument, out: opt.ComparedOutOption = None, json: opt.JsonOption = False) -> None:
    """Compares runs that are stored, each with the first. Unpaired, and so worth less than one run of both engines."""
    with reporting():
        from triphase_benchmark.cli import stored  # noqa: PLC0415 - help is quick

        code = stored.compare(folders, out=out, json=json)
    raise typer.Exit(code)


@app.command(epilog=EXIT_CODES)
def selftest(*, full: opt.FullOption = True, json: opt.JsonOption = False) -> None:
    """Holds the harness against what is known: counts exactly, times within 1 % or 0.5 ms, the rest by its chance."""
    with reporting():
        from triphase_benchmark.cli import checking  # noqa: PLC0415 - help is quick

        code = checking.selftest(full=full, json=json)
    raise typer.Exit(code)


@app.command(epilog=EXIT_CODES)
def report(*, folder: opt.FolderArgument, quiet: opt.QuietOption = False) -> None:
    """Renders a run's report again, also of a run that was interrupted or killed."""
    with reporting():
        from triphase_benchmark.cli import stored  # noqa: PLC0415 - help is quick

        code = stored.report(folder, quiet=quiet)
    raise typer.Exit(code)


app.command()(simulate)
