"""The options that several commands have, each once: its names, its help, and what it holds when it is not given.

Its rule: nothing is checked here but numbers; texts mean what `engines/`, `plan/` and `workload/` say, and are checked
there, so that help is quick.
"""

from pathlib import Path
from typing import Annotated

import typer

_ENGINE = (
    "An engine: http(s):// of its API or grpc:// of a gateway; keys are model, profile, key (its variable), price and "
    "header.NAME."
)
EngineOption = Annotated[
    list[str] | None,
    typer.Option(
        "--engine",
        "-e",
        metavar="NAME=URL[,KEY=VALUE…]",
        help=f"{_ENGINE} May be repeated; the first is the baseline.",
    ),
]
OneEngineOption = Annotated[
    list[str] | None,
    typer.Option("--engine", "-e", metavar="NAME=URL[,KEY=VALUE…]", help=f"{_ENGINE} Just one."),
]
EngineFileOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Engines as a TOML file of tables [engines.NAME].")
]
VllmOption = Annotated[str | None, typer.Option("--vllm-url", metavar="URL", help="Short for --engine vllm=URL.")]
FriendliOption = Annotated[
    str | None, typer.Option("--friendli-url", metavar="URL", help="Short for --engine friendli=URL.")
]
ModelOption = Annotated[
    str | None, typer.Option("--model", "-m", help="The model of engines that name none; else the first they list.")
]
WaitOption = Annotated[float, typer.Option("--wait", help="How long engines may take to come up, in seconds.", min=0)]
LoadOption = Annotated[
    str,
    typer.Option(
        metavar="KIND:…", help="closed:32, poisson:8, gamma:8,0.5, constant:8, ramp:1-20 or trace:FILE[,SPEED]."
    ),
]
WorkloadOption = Annotated[
    str,
    typer.Option(
        metavar="NAME|FILE",
        help="chat, rag-long, reasoning, code, synthetic, or a file of prompts or of a trace; then ,input=, ,output=, "
        ",turns=, ,repeat=.",
    ),
]
IterationsOption = Annotated[int, typer.Option("--iterations", "-n", help="Paired rounds.", min=1, max=10_000)]
RequestsOption = Annotated[
    str | None, typer.Option(metavar="N", help="Measured requests of a round; 100 unless --duration says.")
]
DurationOption = Annotated[
    str | None, typer.Option(metavar="TIME", help="Measured time of a round of an open loop, as 90s or 1.5m.")
]
WarmUpOption = Annotated[
    str,
    typer.Option("--warmup", "--warm-up", metavar="N|TIME", help="What each round begins with, and is not measured."),
]
SloOption = Annotated[
    str | None, typer.Option(metavar="METRIC=TIME,…", help="Objectives for goodput, as ttft=500ms,tpot=30ms.")
]
TokenizerOption = Annotated[
    str | None, typer.Option(metavar="FILE|DIR", help="Makes prompts of exact lengths; without it they are estimated.")
]
SharedPrefixOption = Annotated[
    str | None,
    typer.Option(metavar="TOKENS[,share=,groups=]", help="A beginning that prompts share, for prefix caches."),
]
SeedOption = Annotated[
    int | None, typer.Option(help="Same seed, same plan; drawn, and told, where none is given.", min=0)
]
WorkersOption = Annotated[
    str | None,
    typer.Option(metavar="N|ray|ray://…", help="Processes that send (one for each core but one), or a Ray cluster."),
]
BaselineOption = Annotated[str | None, typer.Option(metavar="NAME", help="Which engine the others are compared with.")]
TimeoutOption = Annotated[float, typer.Option("--timeout", help="Until an answer has ended, in seconds.", min=0.001)]
OutOption = Annotated[
    Path | None, typer.Option("--out", "-o", help="A new folder for the results; benchmark-results/TIME without it.")
]
MaxRegressOption = Annotated[
    str, typer.Option(metavar="SHARE", help="By how much a measure may be worse, as 5% or 0.05.")
]
MostOption = Annotated[int, typer.Option("--max-iterations", help="Rounds after which it gives up.", min=2, max=10_000)]
MeasureOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="METRIC.STATISTIC",
        help="What is gated, as ttft.p99; may be repeated; else the primary measures of a run.",
    ),
]
SweptLoadOption = Annotated[
    str, typer.Option("--load", metavar="KIND", help="poisson, constant (requests/s) or closed.")
]
FromOption = Annotated[float, typer.Option("--from", help="The first load: requests per second, or at once.")]
ToOption = Annotated[float, typer.Option("--to", help="The most that is tried.")]
PointsOption = Annotated[int, typer.Option(help="How many loads are tried at most.", min=2, max=64)]
SecondsOption = Annotated[float, typer.Option("--seconds", help="How long a round of an open loop lasts.", min=0.5)]
LevelsOption = Annotated[
    str | None,
    typer.Option(
        metavar="LEVEL,…",
        help="Efforts, tokens of a budget, or true and false; all for every effort; none,low,medium,high as far as the "
        "engine takes them without it.",
    ),
]
FieldOption = Annotated[
    str | None,
    typer.Option(metavar="MEMBER", help="What says the level, as thinking_token_budget; reasoning_effort without it."),
]
PromptsOption = Annotated[
    str,
    typer.Option(
        "--prompts", metavar="NAME|FILE", help="general, sums (all that the reference model can do), or a file."
    ),
]
StagesOption = Annotated[
    str,
    typer.Option(metavar="PROMPTSxSEEDS,…", help="How much is asked, and how much more while it cannot tell."),
]
TemperatureOption = Annotated[
    str, typer.Option(metavar="NUMBER|model", help="From 0 to 2, or model for the model's own. At 0 seeds repeat.")
]
MaxTokensOption = Annotated[
    int | None,
    typer.Option(
        "--max-tokens",
        help="Of an answer, thoughts included; 8192, or the engine's own limit where it refuses so many.",
        min=16,
    ),
]
MarginOption = Annotated[
    float, typer.Option(help="The largest ratio of lengths that counts as no effect.", min=1.01, max=4)
]
ConcurrencyOption = Annotated[int, typer.Option(help="Requests at a time.", min=1, max=64)]
CounterOption = Annotated[
    str | None,
    typer.Option(
        "--tokenizer",
        metavar="FILE|DIR",
        help="Counts the reasoning text where the engine does not tell its tokens; without it they are estimated.",
    ),
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but what went wrong.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Progress and results as lines of JSON on standard output.")]
PlainOption = Annotated[bool, typer.Option("--plain", help="Progress as plain lines, without a live display.")]
FullOption = Annotated[
    bool, typer.Option("--full/--counts", help="Times too, or only what no load of the machine disturbs.")
]
ComparedOutOption = Annotated[
    Path | None, typer.Option("--out", "-o", help="A new folder for the comparison's report.")
]
FoldersArgument = Annotated[
    list[Path], typer.Argument(metavar="DIR…", help="Folders of runs; the first is the baseline.")
]
FolderArgument = Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a run, whole or not.")]
