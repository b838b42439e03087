"""One attempt whose thoughts the gateway bounds: one answer to its consumer, by one stream of the engine or several.

Rule: as one attempt it has one lease and one place in the limits, and is committed by its first delta; each stream has
the limits of time that an answer has. A stream is closed before the next is asked for, and what the engine is asked to
go on from is the prompt of the first stream with what came since, so that its cache holds it. What is cut and where is
`core/watch.py`; one stream is an `Attempt`.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from math import ceil

from triphase_server.core.effort import PlannedReasoning
from triphase_server.core.enforcement import Continuation, Enforcement, Way
from triphase_server.core.errors import (
    Stage,
    UpstreamContinuationFailed,
    UpstreamError,
    UpstreamModelMissing,
    UpstreamRejected,
)
from triphase_server.core.events import Delta, Finished, OutputDelta, ReasoningDelta, Usage, WaitingOn
from triphase_server.core.request import GenerationRequest
from triphase_server.core.route import Deployment
from triphase_server.core.watch import Verdict, Watch
from triphase_server.service.attempt import Attempt
from triphase_server.service.ports import Upstream, UpstreamResponse
from triphase_server.service.waiting import Limit, Waiter

# What stands for thoughts where it is tried whether a message that is not finished reaches the model as it is.
_TRIAL = "zqTrial of a thought"
_NOT_EXACT = "the model's chat template does not keep an unfinished message as it is"


class EnforcedAttempt:
    """Asks `deployment` as `Attempt` does, by `planned`, which has something to enforce; the rest is as there."""

    def __init__(
        self,
        upstream: Upstream,
        *,
        deployment: Deployment,
        waiter: Waiter,
        total: Limit,
        on_first_token: Callable[[], None] | None = None,
    ) -> None:
        self._upstream = upstream
        self.deployment = deployment
        self._total = total
        self._on_first_token = on_first_token
        self._stream = Attempt(
            upstream, deployment=deployment, waiter=waiter, total=total, on_first_token=on_first_token
        )
        self._streams = 1
        self._left = Usage()  # what the streams before were
        self._prompt_tokens: int | None = None  # of the request, where the engine counted them with the first stream
        self._responded_at: float | None = None
        self._came = {"reasoning_characters": 0, "output_characters": 0}
        self._prompt = ""
        self._resumed_from = ""  # behind that, by the stream of now

    @property
    def waiter(self) -> Waiter:
        """What it waits by."""
        return self._stream.waiter

    @waiter.setter
    def waiter(self, waiter: Waiter) -> None:
        self._stream.waiter = waiter

    @property
    def responded_at(self) -> float | None:
        """When the head of the first response arrived, on the loop's clock."""
        return self._stream.responded_at if self._responded_at is None else self._responded_at

    @property
    def answered(self) -> bool:
        """Whether the head of a successful response has arrived."""
        return self._streams > 1 or self._stream.answered

    @property
    def committed(self) -> bool:
        """Whether the first thought, output or tool call has arrived."""
        return self._streams > 1 or self._stream.committed

    @property
    def came(self) -> Mapping[str, int]:
        """How much of the answer was delivered, in characters, by channel."""
        return self._came

    @property
    def waiting_on(self) -> WaitingOn:
        """What the attempt waits for."""
        return WaitingOn.NEXT_TOKEN if self._streams > 1 else self._stream.waiting_on

    @property
    def finished(self) -> Finished:
        """The last word of the last stream; only after `deltas` came to its end."""
        return self._stream.finished

    @property
    def stopped(self) -> bool:
        """Whether the gateway closed a thought that had begun."""
        return self._watch.stopped

    def usage(self, *, input_tokens: int) -> Usage:
        """What all streams cost together: the prompt once, and all that was delivered.

        A stream that was left is counted here, whatever its engine had counted by then: what it generated beyond is
        nobody's, and how much of that came is chance.
        """
        if self._streams == 1:
            return self._stream.usage(input_tokens=input_tokens)
        counted = self._counted()
        last = self._stream.usage(input_tokens=0) if self._stream.answered else Usage(estimated=True)
        if last.estimated:
            last = counted
        elif self._prompt_tokens is None:
            # The prompt of a continuation is that of the request with what was written since.
            input_tokens = max(last.input_tokens - ceil(self._count(self._resumed_from)), 0)
        return Usage(
            input_tokens=input_tokens if self._prompt_tokens is None else self._prompt_tokens,
            output_tokens=self._left.output_tokens + last.output_tokens,
            # An engine does not know of a thought that was open before its stream.
            reasoning_tokens=self._left.reasoning_tokens + min(counted.reasoning_tokens, last.output_tokens),
            cached_tokens=self._left.cached_tokens,
            estimated=True,
            reasoning_estimated=True,
        )

    def begin(self, request: GenerationRequest, *, planned: PlannedReasoning) -> None:
        """Asks the upstream while the caller does other things."""
        self._request, self._planned = request, planned
        self._count = self._upstream.rendering.counter(self.deployment)
        self._watch = Watch(
            self._enforcement,
            budget=planned.enforced,
            least=planned.least,
            limit=request.max_output_tokens,
            reserve=self.deployment.effort.answer_reserve,
            count=self._count,
        )
        if planned.enforced == 0:
            self._watch.close_before()
            self._stream = self._another()
        self._stream.open(self._opened(thinks=planned.enforced != 0))

    async def deltas(self) -> AsyncGenerator[list[Delta], None]:
        """Yields what is delivered, as `Attempt.deltas` does, from one stream after the other."""
        while True:
            async with aclosing(self._of_stream()) as batches:
                async for deltas in batches:
                    yield deltas
            if self._watch.verdict is Verdict.GO_ON:
                break
            added = await self._go_on()
            if added:
                yield self._noted(added)
        if self._streams == 1:
            self._learn()

    async def aclose(self) -> None:
        """Closes the connection, if there is one or may be one."""
        await self._stream.aclose()

    @property
    def _enforcement(self) -> Enforcement:
        assert self.deployment.enforcement is not None
        return self.deployment.enforcement

    async def _of_stream(self) -> AsyncGenerator[list[Delta], None]:
        """Yields what is delivered of the stream, until it ends or is to be left."""
        try:
            async with aclosing(self._stream.deltas()) as batches:
                async for deltas in batches:
                    shown = self._watch.feed(deltas)
                    if shown or not deltas:
                        yield self._noted(shown)
                    if self._watch.verdict is not Verdict.GO_ON:
                        return
        except UpstreamError as error:
            raise self._as_one_answer(error) from None
        withheld = self._watch.close()
        if withheld:
            yield self._noted(withheld)

    def _learn(self) -> None:
        usage = self._stream.usage(input_tokens=0)
        if not usage.estimated:
            characters = sum(self._stream.came.values())
            self._upstream.rendering.learn(self.deployment, characters=characters, tokens=usage.output_tokens)

    async def _go_on(self) -> list[Delta]:
        """Leaves the stream and asks for the next one; returns what the gateway adds to the thought."""
        self._responded_at = self.responded_at
        # The engine is to stop at once: what it generates from here on is for nobody.
        await self._stream.aclose()
        if self._watch.verdict is Verdict.RUNAWAY:
            raise UpstreamContinuationFailed(
                "the model thinks on, however often its thought is closed", stage=Stage.STREAM
            )
        self._leave()
        added = self._watch.resume()
        self._streams += 1
        self._stream = self._another()
        self._stream.open(self._resumed())
        return added

    def _another(self) -> Attempt:
        """Returns what asks for a continuation, once it is opened."""
        return Attempt(
            self._upstream,
            deployment=self.deployment,
            waiter=self._stream.waiter,
            total=self._total,
            on_first_token=None if self._streams > 1 else self._on_first_token,
            detection=self._enforcement.continued(self.deployment.detection),
            prelude=self._watch.prelude,
        )

    async def _opened(self, *, thinks: bool) -> UpstreamResponse:
        """Renders the prompt, so that it is known before anything is asked whether the thought can be closed."""
        self._prompt = await self._upstream.rendering.prompt(
            self.deployment, request=self._request, reasoning_body=self._planned.body
        )
        enforcement = self._enforcement
        await self._prove_exact(f"{enforcement.opening}{_TRIAL}{enforcement.closing}", stage=Stage.CONNECT)
        if not thinks:
            return await self._resumed()
        return await self._upstream.open(self.deployment, request=self._request, reasoning_body=self._planned.body)

    async def _resumed(self) -> UpstreamResponse:
        written = self._resumed_from = self._watch.written
        await self._prove_exact(written, stage=Stage.STREAM)
        return await self._upstream.resume(
            self.deployment,
            request=self._request,
            reasoning_body=self._planned.body,
            continuation=Continuation(
                prompt=self._enforcement.behind(self._prompt, written),
                written=written,
                max_tokens=self._watch.left,
                delivered=ceil(self._watch.thought_tokens + self._watch.output_tokens),
            ),
        )

    async def _prove_exact(self, written: str, *, stage: Stage) -> None:
        """Raises UpstreamContinuationFailed where an unfinished message would not be what the model has written."""
        if self._enforcement.way is not Way.PREFILL:
            return
        rendered = await self._upstream.rendering.prefill(
            self.deployment, request=self._request, reasoning_body=self._planned.body, written=written
        )
        if rendered != self._enforcement.behind(self._prompt, written):
            raise UpstreamContinuationFailed(_NOT_EXACT, stage=stage)

    def _noted(self, deltas: list[Delta]) -> list[Delta]:
        for delta in deltas:
            if isinstance(delta, ReasoningDelta):
                self._came["reasoning_characters"] += len(delta.text)
            else:
                text = delta.text if isinstance(delta, OutputDelta) else delta.arguments
                self._came["output_characters"] += len(text)
        return deltas

    def _counted(self) -> Usage:
        """Returns what was delivered of the stream, by our own count."""
        left = self._left
        thoughts = max(ceil(self._watch.thought_tokens) - left.reasoning_tokens, 0)
        output = max(ceil(self._watch.output_tokens) - (left.output_tokens - left.reasoning_tokens), 0)
        return Usage(output_tokens=thoughts + output, reasoning_tokens=thoughts)

    def _leave(self) -> None:
        """Counts the stream, which is left."""
        counted = self._counted()
        usage = self._stream.usage(input_tokens=0)
        if self._streams == 1 and not usage.estimated:
            self._prompt_tokens = usage.input_tokens
            self._left = replace(self._left, cached_tokens=usage.cached_tokens)
        self._left = replace(
            self._left,
            output_tokens=self._left.output_tokens + counted.output_tokens,
            reasoning_tokens=self._left.reasoning_tokens + counted.reasoning_tokens,
        )

    def _as_one_answer(self, error: UpstreamError) -> UpstreamError:
        """Returns an error as one of the whole answer, which a stream after the first is a part of."""
        if self._streams == 1:
            return error
        if isinstance(error, UpstreamRejected | UpstreamModelMissing):
            message = "the upstream refuses to go on with an answer whose thought was closed"
            return UpstreamContinuationFailed(message, stage=Stage.STREAM)
        error.stage = Stage.STREAM
        error.metadata["stage"] = Stage.STREAM.value
        return error
