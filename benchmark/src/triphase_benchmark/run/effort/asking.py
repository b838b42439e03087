"""Cells to an engine, samples back: several at a time, in the order of the design.

Its rule: whatever an engine does is a sample. A cell that was cut off by the end of the probe is none. What a level is
in JSON is `effort/levels.py`; how reasoning is counted, `effort/counting.py`.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from triphase_benchmark.client.asking import ask
from triphase_benchmark.client.exchange import Exchange, Question
from triphase_benchmark.client.http_target import profile_of
from triphase_benchmark.client.parsing import Answer
from triphase_benchmark.client.ports import Target
from triphase_benchmark.effort.counting import Said, is_right, reasoning_tokens, split
from triphase_benchmark.effort.course import Course
from triphase_benchmark.effort.design import CONTROL, TWIN, Design
from triphase_benchmark.effort.levels import Level, members, merged
from triphase_benchmark.effort.values import Cell, Prompt, Sample
from triphase_benchmark.run.effort.wanted import EffortWanted

# What switches thinking off in the templates of most families that have a switch.
OFF: Mapping[str, Any] = {"chat_template_kwargs": {"enable_thinking": False, "thinking": False}}


class Asker:
    """Asks one engine. `limit`: tokens that an answer may have; `None`: as many as the engine lets it have."""

    def __init__(self, wanted: EffortWanted, target: Target, *, limit: int | None) -> None:
        self._wanted = wanted
        self._target = target
        self._most = profile_of(wanted.engine).most
        self.limit = limit
        self.in_flight = 0
        self.stalled = False  # an answer did not end in its time

    def question(self, prompt: Prompt, *, seed: int, members_: Mapping[str, Any]) -> Question:
        """What one cell asks."""
        own: dict[str, Any] = {"seed": seed}
        if self._wanted.temperature is not None:
            own["temperature"] = self._wanted.temperature
        if self.limit is not None:
            own[self._most] = self.limit
        body = merged(prompt.extra_body, own, members_)
        return Question(turns=prompt.turns, extra_body=tuple(body.items()))

    async def exchange(self, question: Question) -> tuple[Exchange, Answer]:
        """Asks once. Raises NoSuchEffort, ReservedMember."""
        exchange = await ask(self._target, self._target.prepare(question))
        return exchange, self._target.read(exchange, asked_tokens=None)

    async def all_of(self, course: Course, cells: Sequence[Cell], shown: Callable[[], None]) -> None:
        """Asks all cells of a stage, unless the course stops; `shown` is called whenever something changed."""
        waiting = iter(cells)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._wanted.concurrency, len(cells))):
                group.create_task(self._some_of(course, waiting, shown))

    async def _some_of(self, course: Course, waiting: Iterator[Cell], shown: Callable[[], None]) -> None:
        for cell in waiting:
            if course.stopped:
                return
            self.in_flight += 1
            try:
                sample = await self._sample(cell, course.design)
            finally:
                self.in_flight -= 1
            course.take(sample)
            shown()

    async def _sample(self, cell: Cell, design: Design) -> Sample:
        prompt = design.prompts[cell.prompt]
        body = members_of(cell.arm, design, self._wanted.field)
        exchange, answer = await self.exchange(self.question(prompt, seed=cell.seed, members_=body))
        took_s = (exchange.ended - exchange.sent) / 1e9 if exchange.sent else 0.0
        if answer.failure is not None:
            kind, detail = answer.failure
            return Sample(cell=cell, failure=kind.value, detail=detail, took_s=took_s)
        said = said_of(answer)
        parts = split(said)
        count = None if self._wanted.counter is None else self._wanted.counter.count
        return Sample(
            cell=cell,
            reasoning=reasoning_tokens(said, parts, count=count),
            output_tokens=said.counted_output,
            answer_characters=len(parts.answer),
            finish_reason=answer.finish_reason,
            closed=parts.closed,
            right=None if prompt.answer is None else is_right(parts.answer, prompt.answer),
            applied=answer.applied_effort,
            took_s=took_s,
        )


def members_of(arm: str, design: Design, field: str) -> Mapping[str, Any]:
    """What an arm adds to a request."""
    if arm == CONTROL:
        return OFF
    name = design.twin_of if arm == TWIN else arm
    return level_members(next(level for level in design.levels if level.name == name), field)


def level_members(level: Level, field: str) -> Mapping[str, Any]:
    """What a level adds to a request."""
    return members(field, level.value)


def said_of(answer: Answer) -> Said:
    """What an answer said and counted."""
    usage = answer.usage
    return Said(
        thoughts=answer.thoughts,
        output=answer.output,
        counted_reasoning=usage.reasoning if usage else None,
        counted_output=usage.completion_tokens if usage else None,
        estimated=answer.reasoning_is_estimate,
    )
