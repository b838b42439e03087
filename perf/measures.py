"""What is measured, and in which order: memory while all is fresh, the first event, then rounds of answers.

Its rule: contenders take turns, in rounds of a second or less whose order is reversed each time, so that whatever else
the machine does meets all of them alike; what is compared comes from rounds that were neighbours. Every answer is
checked. What is made of the figures is `report.py`.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from perf import answer
from perf.processes import Server
from perf.replies import Reply, Target, first_tokens_s, opened, text_length, whole
from perf.upstream import PACE_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A target, and the process whose work it is; None where the client asks the upstream itself."""

    target: Target
    server: Server | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A measurement by answers: how many streams at once, how many answers in a round, how many rounds."""

    pace: str
    streams: int
    answers: int
    rounds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One contender's round."""

    tokens: int
    events: int
    wall_s: float
    cpu_s: float
    first_token_s: Sequence[float]
    first_output_s: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Resident memory, in bytes: after the first answer, and what each open stream added."""

    idle: int
    per_stream: float


async def memory(contender: Contender, *, streams: int) -> Memory:
    """Opens so many streams amid their output, all at once."""
    assert contender.server is not None
    await whole(contender.target, "blast")
    idle = contender.server.rss_bytes()
    async with AsyncExitStack() as stack:
        for _ in range(streams):
            reply, steps = await stack.enter_async_context(opened(contender.target, "held"))
            async for _ in steps:
                if text_length(contender.target, reply) == len(contender.target.expected) - len(answer.HELD_BACK):
                    break
        return Memory(idle=idle, per_stream=(contender.server.rss_bytes() - idle) / streams)


async def first_event(target: Target, paces: Sequence[str], *, requests: int) -> dict[str, list[float]]:
    """Returns the times to the first event at each pace of the upstream, in turns."""
    times: dict[str, list[float]] = {pace: [] for pace in paces}
    for _ in range(requests):
        for pace, found in times.items():
            async with opened(target, pace) as (reply, steps):
                await anext(steps)
                found.append(reply.first_event_s)
    return times


async def first_token(targets: Sequence[Target], *, requests: int) -> dict[str, list[float]]:
    """Returns the times to the first token, by target, in turns; the upstream's connections are kept, as in service.

    The token comes alone, so that neither the upstream nor an earlier answer competes for a core.
    """
    times: dict[str, list[float]] = {target.name: [] for target in targets}
    for number in range(requests):
        for target in targets if number % 2 else reversed(targets):
            reply = await whole(target, "brief")
            times[target.name].append(first_tokens_s(target, reply)[0])
    return times


async def rounds(contenders: Sequence[Contender], plan: Plan) -> dict[str, list[Round]]:
    """Returns the rounds of each contender, by the target's name; neighbours have the same index."""
    results: dict[str, list[Round]] = {contender.target.name: [] for contender in contenders}
    for number in range(plan.rounds):
        for contender in contenders if number % 2 else reversed(contenders):
            results[contender.target.name].append(await _round(contender, plan))
    return results


async def _round(contender: Contender, plan: Plan) -> Round:
    server = contender.server
    cpu_s = server.cpu_s() if server else 0.0
    started = time.perf_counter()
    share = plan.answers // plan.streams
    lanes = [_lane(contender.target, plan, share, offset=lane / plan.streams) for lane in range(plan.streams)]
    replies = [reply for lane in await asyncio.gather(*lanes) for reply in lane]
    wall_s = time.perf_counter() - started
    cpu_s = server.cpu_s() - cpu_s if server else 0.0
    first = [first_tokens_s(contender.target, reply) for reply in replies]
    return Round(
        tokens=len(replies) * answer.TOKENS,
        events=sum(len(reply.arrivals) for reply in replies),
        wall_s=wall_s,
        cpu_s=cpu_s,
        first_token_s=[token_s for token_s, _ in first],
        first_output_s=[output_s for _, output_s in first],
    )


async def _lane(target: Target, plan: Plan, answers: int, *, offset: float) -> list[Reply]:
    if plan.pace == "paced":  # else all tokens of all streams would come at the same moments
        await asyncio.sleep(offset * PACE_S * answer.TOKENS)
    return [await whole(target, plan.pace) for _ in range(answers)]
