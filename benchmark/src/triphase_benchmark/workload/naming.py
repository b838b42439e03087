"""What `--workload` means: a built-in set, a prompt file or a trace, and what is said about it after commas.

Its rule: a wrong text gets one line that names what would be right.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from triphase_benchmark.plan.ports import Workload
from triphase_benchmark.plan.problems import BadInput
from triphase_benchmark.plan.trace_file import read_trace
from triphase_benchmark.workload.built_in import BuiltInWorkload
from triphase_benchmark.workload.builtin.sets import SETS
from triphase_benchmark.workload.counting import counter_of
from triphase_benchmark.workload.lengths import lengths_of
from triphase_benchmark.workload.options import Options, Repeat
from triphase_benchmark.workload.prompt_file import SUFFIXES, read_prompts
from triphase_benchmark.workload.replay import ReplayWorkload
from triphase_benchmark.workload.shared_prefix import SharedPrefixWorkload, shared_prefix_of

# Options stand at the end, so that file names may have commas.
_TEXT = re.compile(r"(.+?)((?:,[a-z-]+=[^,]*)*)")


def workload_of(text: str, *, tokenizer: str | None = None, shared_prefix: str | None = None) -> Workload:
    """The workload that a text such as `chat`, `synthetic,input=2000,output=200` or `prompts.jsonl` means.

    Args:
        text: What `--workload` got.
        tokenizer: What `--tokenizer` got: who counts tokens; `None` estimates.
        shared_prefix: What `--shared-prefix` got.

    Raises:
        BadInput: It is none, an option is wrong, or a file is.
    """
    match = _TEXT.fullmatch(text)
    if not match:
        raise BadInput(f"--workload {text!r} is none: it takes {_forms()}")
    name, said = match.groups()
    options = _options(text, said, Options(counter=counter_of(tokenizer)))
    workload = _named(text, name, options)
    if shared_prefix is None:
        return workload
    return SharedPrefixWorkload(workload, prefix=shared_prefix_of(shared_prefix), options=options)


def _named(text: str, name: str, options: Options) -> Workload:
    if name in SETS:
        return BuiltInWorkload(prompts=SETS[name], options=options)
    file = Path(name)
    if file.suffix == ".csv" or (file.suffix == ".jsonl" and _is_trace(file)):
        return ReplayWorkload(name=file.name, entries=read_trace(file), options=options)
    if file.suffix in SUFFIXES:
        if options.input:
            raise BadInput(
                f"--workload {text!r}: the prompts of a file have the lengths that they have, without input="
            )
        return read_prompts(file, options)
    raise BadInput(f"--workload {text!r} is none: it takes {_forms()}")


def _is_trace(file: Path) -> bool:
    """Whether the first line is one of a trace; a file that cannot be read is told by whoever reads it whole."""
    try:
        with file.open("rb") as opened:
            return b'"input_length"' in opened.readline(1 << 20)
    except OSError:
        return False


def _options(text: str, said: str, options: Options) -> Options:
    for option in said.split(",")[1:]:
        name, _, value = option.partition("=")
        if name not in _OPTIONS:
            raise BadInput(f"--workload {text!r}: {name!r} is no option: it takes {', '.join(_OPTIONS)}")
        options = _OPTIONS[name](options, value)
    return options


def _output(options: Options, value: str) -> Options:
    if value == "free":
        return replace(options, free_output=True)
    return replace(options, output=lengths_of(value, "output"))


def _repeat(options: Options, value: str) -> Options:
    if value not in list(Repeat):
        raise BadInput(f"repeat {value!r} is not known: it takes {', '.join(Repeat)}")
    return replace(options, repeat=Repeat(value))


def _forms() -> str:
    return f"{', '.join(SETS)} or a file: {', '.join(SUFFIXES)} with prompts, .jsonl or .csv with a trace"


_OPTIONS: Mapping[str, Callable[[Options, str], Options]] = {
    "input": lambda options, value: replace(options, input=lengths_of(value, "input")),
    "output": _output,
    "repeat": _repeat,
    "turns": lambda options, value: replace(options, turns=lengths_of(value, "turns")),
}
