"""The command `validate`: a model repository is read here, checked by the gateway, and told as `triphase-model` does.

Rule: what needs the extra `validate` is in `validating/` and loaded by this command alone, which says what to install
where it is missing. Exit codes of a check are those of `triphase-model check`; those of a call that failed are the
others of `failures.py`.
"""

import sys
from pathlib import Path
from typing import Annotated

import grpc
import typer

from triphase_client.channel import DEFAULT_TARGET
from triphase_client.cli.failures import EXIT_CODES, reporting
from triphase_client.cli.options import CaOption, TargetOption, TimeoutOption, TlsOption, one_of
from triphase_client.cli.prompt import text
from triphase_client.cli.running import running
from triphase_client.errors import TriphaseError

HINT = "triphase: validate needs the reader of repositories; install it with: pip install 'triphase-client[validate]'"
FORMS = ("text", "json", "sarif", "github")
CHECK_EXIT_CODES = (
    f"{EXIT_CODES} Of a check: 0 clean; 10 warnings; 20 errors; 30 it could not be evaluated, or is no repository."
)
TIMEOUT_S = 120.0


def validate(  # noqa: PLR0913 - the options of a command are its parameters
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="The model repository.", show_default=False)
    ] = None,
    *,
    stored: Annotated[
        str, typer.Option(metavar="NAME", callback=text, help="One that the gateway has, by its name, instead of DIR.")
    ] = "",
    form: Annotated[
        str, typer.Option("--format", callback=one_of(FORMS), help=f"How to tell the findings: {', '.join(FORMS)}.")
    ] = "text",
    select: Annotated[list[str] | None, typer.Option(help="Only rules whose codes begin so, such as V,T01.")] = None,
    ignore: Annotated[list[str] | None, typer.Option(help="Not the rules whose codes begin so.")] = None,
    engine: Annotated[
        list[str] | None, typer.Option(help="Only what concerns this engine, such as vllm; may be repeated.")
    ] = None,
    timeout: TimeoutOption = TIMEOUT_S,
    target: TargetOption = DEFAULT_TARGET,
    tls: TlsOption = False,
    ca: CaOption = None,
) -> None:
    """Has a model repository checked by the gateway; of its weights nothing but headers is sent."""
    if (folder is None) is (not stored):
        raise typer.BadParameter("give DIR, or --stored NAME", param_hint="DIR")
    try:
        from triphase_client.cli.validating import asked, told  # noqa: PLC0415 - it may not be there
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] != "triphase_model":
            raise
        sys.exit(HINT)
    request, name = asked.request_of(folder, stored=stored, select=select, ignore=ignore, engines=engine)
    with reporting(target), running(target, tls=tls, ca=ca) as (client, runner):
        try:
            response = runner.run(client.validate(request, timeout_s=timeout))
        except TriphaseError as error:
            raise _too_large(error, request.ByteSize()) from error
        result = told.result_of(response, name=name)
        report = told.reported(result, form)
        if report:
            typer.echo(report)
    raise typer.Exit(result.verdict)


def _too_large(error: TriphaseError, size: int) -> TriphaseError:
    """The error, or what to do about it where gRPC itself refused the size of a message, whose sizes its text tells."""
    if error.code is not grpc.StatusCode.RESOURCE_EXHAUSTED or error.reason or "larger than max" not in error.message:
        return error
    if f"({size} vs. " in error.message:
        what = f"what a check reads of it is {size} bytes, more than the gateway takes; its operator can raise"
        advice = f"{what} max_request_bytes, and `triphase-model check` needs no gateway"
    else:
        what = "the findings are more than fit into one answer; --select and --ignore ask for fewer"
        advice = f"{what}, and `triphase-model check` has no such limit"
    return TriphaseError(advice, code=error.code)
