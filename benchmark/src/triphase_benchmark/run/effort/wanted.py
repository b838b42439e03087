"""What a user wants of a probe of effort, and the design that follows.

Its rule: it is checked before anything is asked of an engine.
"""

from dataclasses import dataclass
from pathlib import Path

from triphase_benchmark.client.exchange import Limits
from triphase_benchmark.effort.design import Design, Stage, stages_of
from triphase_benchmark.effort.levels import FIELD, USUAL, Level, field_of, levels_of
from triphase_benchmark.effort.problems import SETS
from triphase_benchmark.effort.prompt_source import prompts_of
from triphase_benchmark.effort.values import Prompt
from triphase_benchmark.engines.engine import Engine
from triphase_benchmark.plan.problems import BadInput
from triphase_benchmark.workload.counting import counter_of
from triphase_benchmark.workload.ports import TokenCounter

LIMIT = 8192  # of an answer, where neither user nor engine says otherwise


@dataclass(frozen=True, kw_only=True)
class EffortWanted:
    """All options. `levels`: `None` takes those of the usual efforts that the engine accepts.

    `limit`: of an answer's tokens; `None` takes `LIMIT`, or the engine's own where it refuses so many. `temperature`:
    `None` is the engine's own. `margin`: the largest ratio that counts as no effect.
    """

    engine: Engine
    out: Path
    argv: tuple[str, ...]
    seed: int
    levels: tuple[Level, ...] | None
    field: str
    prompts_name: str
    prompts: tuple[Prompt, ...]
    stages: tuple[Stage, ...]
    temperature: float | None
    limit: int | None
    margin: float
    concurrency: int
    counter: TokenCounter | None
    wait_s: float
    timeout_s: float

    @property
    def limits(self) -> Limits:
        """Those of one request."""
        return Limits(timeout_s=self.timeout_s)

    @property
    def tried(self) -> tuple[Level, ...]:
        """The levels that the engine is asked about first."""
        return levels_of(",".join(USUAL)) if self.levels is None else self.levels

    def design(self, levels: tuple[Level, ...], *, controlled: bool) -> Design:
        """The design for those levels that are left."""
        return Design(
            levels=levels,
            prompts=self.prompts[: self.stages[-1].prompts],
            stages=self.stages,
            seed=self.seed,
            margin=self.margin,
            controlled=controlled,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EffortGiven:
    """The options, as they came."""

    levels: str | None
    field: str | None
    prompts: str
    stages: str
    temperature: str
    max_tokens: int | None
    tokenizer: str | None
    margin: float
    concurrency: int
    seed: int | None
    timeout: float
    wait: float
    out: Path | None


def effort_wanted(given: EffortGiven, engine: Engine, *, seed: int, out: Path, argv: tuple[str, ...]) -> EffortWanted:
    """Makes it of the options. Raises BadInput."""
    if given.field is not None and given.levels is None and given.field.rpartition(".")[2] != FIELD:
        raise BadInput(f"--field {given.field}: it needs --levels, the values that this member takes")
    amount = stages_of(given.stages, prompts=None)
    prompts = prompts_of(given.prompts, seed=seed, count=amount[-1].prompts)
    return EffortWanted(
        engine=engine,
        out=out,
        argv=argv,
        seed=seed,
        levels=None if given.levels is None else levels_of(given.levels),
        field=FIELD if given.field is None else field_of(given.field),
        prompts_name=given.prompts if given.prompts in SETS else Path(given.prompts).name,
        prompts=prompts,
        stages=stages_of(given.stages, prompts=len(prompts)),
        temperature=_temperature(given.temperature),
        limit=given.max_tokens,
        margin=given.margin,
        concurrency=given.concurrency,
        counter=None if given.tokenizer is None else counter_of(given.tokenizer),
        wait_s=given.wait,
        timeout_s=given.timeout,
    )


def _temperature(text: str) -> float | None:
    if text == "model":
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 2:
        raise BadInput(f"--temperature {text!r}: it takes a number from 0 to 2, or model for the model's own")
    return value
