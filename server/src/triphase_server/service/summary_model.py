"""Asks a summary model for the summary of one step of a thought.

Rule: an answer comes within the time limit or not at all; whatever goes wrong, the local text stands in, so nothing
raises but a cancellation. It takes a place and a permit as every attempt does. What the model reads and writes is
counted for the usage.
"""

import asyncio
import math
from collections.abc import Callable
from contextlib import aclosing, closing

from triphase_server.core import effort
from triphase_server.core.errors import GatewayError
from triphase_server.core.events import OutputDelta, Usage
from triphase_server.core.request import (
    Effort,
    GenerationRequest,
    Message,
    Reasoning,
    Role,
    Sampling,
    TextPart,
    estimated_tokens,
)
from triphase_server.core.route import Deployment
from triphase_server.service.attempt import Attempt
from triphase_server.service.fleet import Lease
from triphase_server.service.ports import Upstream
from triphase_server.service.summaries import StepSummary
from triphase_server.service.waiting import Limit, Waiter

_INSTRUCTION = (
    "Summarize this step of someone's reasoning in one plain sentence of at most fifteen words, in the language of the "
    "step. Keep numbers, names and negations exactly. Answer with the sentence alone.\n\n"
)
_MOST_TOKENS = 96
_MOST_CHARACTERS = 240
_NOTHING = StepSummary(text="", usage=Usage())


class SummaryModel:
    """The summary model of one route; each answer may take `timeout_s` seconds.

    `lease` gives leave to ask one of its deployments, or none: where all are shut off or full nobody waits, since the
    local text is as good as there.
    """

    def __init__(self, upstream: Upstream, *, lease: Callable[[], Lease | None], timeout_s: float) -> None:
        self._upstream = upstream
        self._lease = lease
        self._timeout_s = timeout_s

    async def ask(self, step: str) -> StepSummary:
        """Returns the summary of a step; one with an empty text where there is none in time."""
        lease = self._lease()
        if lease is None:
            return _NOTHING
        ended_by: BaseException | None = None
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._answer(_request(lease.deployment, step), lease)
        except TimeoutError:  # our patience, which says nothing of the deployment
            ended_by = asyncio.CancelledError()
        except BaseException as error:
            ended_by = error
            if not isinstance(error, GatewayError):
                raise
        finally:
            lease.end(ended_by)
        return _NOTHING

    async def _answer(self, request: GenerationRequest, lease: Lease) -> StepSummary:
        never = Limit(math.inf, _no_limit)
        # No heartbeats: nobody would send them, and one that is due and never sent lets no wait begin.
        waiter = Waiter(heartbeat_s=math.inf, accepted_at=asyncio.get_running_loop().time())
        attempt = Attempt(
            self._upstream,
            deployment=lease.deployment,
            waiter=waiter,
            total=never,
            on_first_token=lease.first_token,
        )
        planned = effort.plan(request, policy=lease.deployment.effort)
        text: list[str] = []
        with closing(waiter):
            async with aclosing(attempt), aclosing(attempt.deltas()) as batches:
                attempt.begin(request, planned=planned)
                async for deltas in batches:
                    text += [delta.text for delta in deltas if isinstance(delta, OutputDelta)]
        return StepSummary(text=_one_line("".join(text)), usage=attempt.usage(input_tokens=estimated_tokens(request)))


def _request(deployment: Deployment, step: str) -> GenerationRequest:
    quick = Effort.NONE if Effort.NONE in deployment.effort.told_apart else None
    return GenerationRequest(
        model=deployment.model,
        messages=(Message(role=Role.USER, content=(TextPart(_INSTRUCTION + step),)),),
        sampling=Sampling(temperature=0.0),
        max_output_tokens=_MOST_TOKENS,
        reasoning=Reasoning(effort=quick),
    )


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MOST_CHARACTERS else line[: _MOST_CHARACTERS - 1].rstrip() + "…"


def _no_limit() -> GatewayError:
    raise AssertionError("infinity passed")
