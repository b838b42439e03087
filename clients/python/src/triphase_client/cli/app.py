"""The commands. Their options are checked in `options.py`; what they do is `chat.py`, `validate.py` and `client.py`."""

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text
from triphase.gateway.v1 import Model, ReasoningEffort

from triphase_client.channel import DEFAULT_TARGET
from triphase_client.cli.chat import Chat, converse
from triphase_client.cli.failures import EXIT_CODES, Exit, lost_output, reporting
from triphase_client.cli.options import (
    INT32_MAX,
    INT64_MAX,
    CaOption,
    JsonOption,
    TargetOption,
    TimeoutOption,
    TlsOption,
    one_of,
    tell_version,
)
from triphase_client.cli.output import JsonLines, displays, prepare, print_json
from triphase_client.cli.prompt import prompt_of, text
from triphase_client.cli.running import running
from triphase_client.cli.validate import CHECK_EXIT_CODES, validate
from triphase_client.health import HealthState
from triphase_client.request import EFFORTS, SUMMARY_DETAILS, RequestFields
from triphase_client.terminal import printable

UNARY_TIMEOUT_S = 10.0

app = typer.Typer(
    name="triphase",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def run() -> None:
    """Runs the command line; what cannot be printed, help included, is an error like others."""
    prepare()
    try:
        app()
    except OSError as error:
        sys.exit(lost_output(error))


@app.callback()
def root(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=tell_version, is_eager=True, help="Print the version, and end.")
    ] = False,
) -> None:
    """Talks to a Triphase gateway: asks reasoning models, and shows what happens meanwhile."""


@app.command(epilog=EXIT_CODES)
def chat(  # noqa: PLR0913 - the options of a command are its parameters
    *,
    prompt: Annotated[
        str | None,
        typer.Option("--prompt", "-p", callback=text, help="What to ask; - reads standard input.", show_default=False),
    ] = None,
    model: Annotated[
        str,
        typer.Option("--model", "-m", callback=text, help="A public model name; without it, the gateway's first."),
    ] = "",
    effort: Annotated[
        str,
        typer.Option(callback=one_of(EFFORTS), help=f"How long to think: {', '.join(EFFORTS)}."),
    ] = "",
    max_reasoning_tokens: Annotated[
        int, typer.Option(min=0, max=INT32_MAX, help="The most tokens to think; 0 = no bound.")
    ] = 0,
    summary: Annotated[
        str,
        typer.Option(callback=one_of(SUMMARY_DETAILS), help=f"How much of it to tell: {', '.join(SUMMARY_DETAILS)}."),
    ] = "",
    raw: Annotated[bool, typer.Option("--raw", help="Show the raw thoughts too.")] = False,
    system: Annotated[str, typer.Option(callback=text, help="Instructions that come before the prompt.")] = "",
    history: Annotated[
        bool | None,
        typer.Option(
            "--history/--no-history",
            help="Whether a conversation sends its earlier turns; without it, yes, but to the embedded model.",
            show_default=False,
        ),
    ] = None,
    max_output_tokens: Annotated[
        int, typer.Option(min=0, max=INT32_MAX, help="The most tokens to write; 0 = the engine's.")
    ] = 0,
    temperature: Annotated[float | None, typer.Option(help="0 (greedy) to 2.", show_default=False)] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            min=-INT64_MAX - 1, max=INT64_MAX, help="For an answer that can be had again.", show_default=False
        ),
    ] = None,
    timeout: TimeoutOption = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show every event with its time.")] = False,
    json: JsonOption = False,
    target: TargetOption = DEFAULT_TARGET,
    tls: TlsOption = False,
    ca: CaOption = None,
) -> None:
    """Asks a model, and shows the three phases of its answer.

    Without --prompt it reads standard input, or on a terminal holds a conversation. Where standard output is not a
    terminal, it gets the answer alone, and the rest goes to standard error.
    """
    fields: RequestFields = {
        "model": model,
        "effort": effort,
        "max_reasoning_tokens": max_reasoning_tokens,
        "summary": summary,
        "include_raw": raw,
        "system": system,
        "max_output_tokens": max_output_tokens,
        "temperature": temperature,
        "seed": seed,
    }
    with reporting(target):
        asked = prompt_of(prompt, conversation=not json)
        view = JsonLines if json else displays(verbose=verbose)
        with running(target, tls=tls, ca=ca) as (client, runner):
            talk = Chat(client, fields=fields, timeout_s=timeout, view=view, remember=history)
            if asked is None:
                converse(talk, console=Console(highlight=False), runner=runner, target=target)
            else:
                talk.answer(asked, runner=runner)


@app.command(epilog=EXIT_CODES)
def models(
    json: JsonOption = False,
    timeout: TimeoutOption = UNARY_TIMEOUT_S,
    target: TargetOption = DEFAULT_TARGET,
    tls: TlsOption = False,
    ca: CaOption = None,
) -> None:
    """Lists the models that the gateway has for you."""
    with reporting(target), running(target, tls=tls, ca=ca) as (client, runner):
        listed = runner.run(client.models(timeout_s=timeout))
        if json:
            for model in listed:
                print_json(model)
        else:
            Console().print(models_table(listed))


@app.command(epilog=EXIT_CODES)
def health(
    service: Annotated[
        str, typer.Argument(callback=text, help="A service of the gateway; without it, the gateway.")
    ] = "",
    json: JsonOption = False,
    timeout: TimeoutOption = UNARY_TIMEOUT_S,
    target: TargetOption = DEFAULT_TARGET,
    tls: TlsOption = False,
    ca: CaOption = None,
) -> None:
    """Tells whether the gateway serves: exit code 0 if it does."""
    with reporting(target), running(target, tls=tls, ca=ca) as (client, runner):
        state = runner.run(client.health(service, timeout_s=timeout))
        style = "green" if state is HealthState.SERVING else "red"
        if json:
            sys.stdout.write(f'{{"status": "{state}"}}\n')
        else:
            Console().print(Text(state, style=style).append(f"  {target}", style="default"), soft_wrap=True)
    if state is not HealthState.SERVING:
        raise typer.Exit(Exit.FAILED)


app.command(epilog=CHECK_EXIT_CODES)(validate)


def models_table(listed: list[Model]) -> Table:
    """Tabulates models."""
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for column in ("model", "reasons", "bounds", "efforts"):
        table.add_column(column)
    for model in listed:
        efforts = (ReasoningEffort.Name(effort).removeprefix("REASONING_EFFORT_").lower() for effort in model.efforts)
        reasons, bounds = ("yes" if can else "no" for can in (model.reasons, model.bounds_reasoning))
        table.add_row(Text(printable(model.name)), reasons, bounds, ", ".join(efforts) or "-")
    return table
