"""Which questions `--prompts` means: a built-in set, or a file of one's own.

Its rule: a file is read whole before anything is asked, and the first row that is wrong ends it, with its line. Rows
are those of prompt files (`workload/prompt_rows.py`) with one turn each; beside it `answer` may say what is right.
"""

from pathlib import Path

from triphase_benchmark.effort.problems import SETS
from triphase_benchmark.effort.values import Prompt
from triphase_benchmark.engines.body import RESERVED
from triphase_benchmark.plan.problems import BadInput
from triphase_benchmark.workload.prompt_file import SUFFIXES, values_of
from triphase_benchmark.workload.prompt_rows import WrongRow, row_of


def prompts_of(text: str, *, seed: int, count: int) -> tuple[Prompt, ...]:
    """The questions of a built-in set, as many as are needed, or all of a file. Raises BadInput."""
    if text in SETS:
        return SETS[text](seed, count)
    file = Path(text)
    if file.suffix not in SUFFIXES:
        raise BadInput(f"--prompts {text!r} is none: it takes {', '.join(SETS)} or a file ({', '.join(SUFFIXES)})")
    return _read(file)


def _read(file: Path) -> tuple[Prompt, ...]:
    found: dict[tuple[tuple[str, str], ...], Prompt] = {}
    for line, value in values_of(file):
        try:
            prompt = _prompt(value)
        except WrongRow as problem:
            raise BadInput.at(file, line, f"no prompt: {problem}") from None
        found.setdefault(prompt.turns, prompt)  # a row that says the same as another is no prompt of its own
    if not found:
        raise BadInput(f"{file} has no prompts")
    return tuple(found.values())


def _prompt(value: object) -> Prompt:
    row = row_of(value)
    if row is None or len(row.turns) != 1:
        raise WrongRow("it takes one turn, which asks something")
    answer = value.get("answer") if isinstance(value, dict) else None
    if isinstance(answer, bool) or not isinstance(answer, str | int | float | None):
        raise WrongRow("answer is neither a text nor a number")
    if taken := sorted(RESERVED & (row.extra_body or {}).keys()):
        raise WrongRow(f"extra_body may not set {', '.join(taken)}: the benchmark does")
    told = None if answer is None else str(answer).strip()
    if told == "":
        raise WrongRow("answer is empty")
    turns = tuple((message.role, message.content) for message in row.turns[0].messages)
    return Prompt(turns=turns, answer=told, extra_body=row.extra_body or {})
