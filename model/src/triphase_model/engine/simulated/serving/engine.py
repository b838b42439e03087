"""The simulated engine itself: requests go to the machine of time, chunks that are due go to their answers.

Its rule: one alarm and one machine for all answers, and nothing else that runs by time. Which paths there are is
`routes.py`; sockets and the process are `listening.py`.
"""

import asyncio
import time
from http import HTTPStatus
from pathlib import Path
from typing import Final

from triphase_model.engine.ports import Endpoint
from triphase_model.engine.refusals import Refused, error_body
from triphase_model.engine.simulated import events, plan
from triphase_model.engine.simulated.faults import Garble, Garbling, Status
from triphase_model.engine.simulated.script import Script
from triphase_model.engine.simulated.serving.accounts import count, refusal, truth_of
from triphase_model.engine.simulated.serving.alarm import Alarm
from triphase_model.engine.simulated.serving.answer import Answer
from triphase_model.engine.simulated.serving.connection import Connection, Request
from triphase_model.engine.simulated.serving.counting import Counts, exposition
from triphase_model.engine.simulated.serving.jobs import Full, Run, TooLong
from triphase_model.engine.simulated.serving.machines import machine_of, without_time
from triphase_model.engine.simulated.serving.prefix_cache import PrefixCache
from triphase_model.engine.simulated.serving.request import Asked, asked_of, decode_body
from triphase_model.engine.simulated.serving.settings import Settings, TimeMode
from triphase_model.engine.simulated.serving.truth import VERSION, Header, TruthLog
from triphase_model.engine.simulated.serving.wire import EventShape

_MOST: Final = 512  # chunks before requests are looked at again
_WHOLE: Final = {Garbling.HTML, Garbling.EMPTY_BODY, Garbling.GZIP_BOMB}


class ServingEngine:
    """Answers requests until it is closed. Lives on one event loop.

    Raises:
        OSError: The truth log cannot be written.
    """

    def __init__(self, settings: Settings, *, time_mode: TimeMode = TimeMode.REAL, truth: Path | None = None) -> None:
        self.settings = settings if time_mode is TimeMode.REAL else without_time(settings)
        self._started_ns = time.monotonic_ns()
        self._created = int(time.time())
        self._cache = PrefixCache(settings.cache)
        self._machine = machine_of(self.settings, cache=self._cache, start_ns=self._started_ns)
        self._counts = Counts()
        self._answers: dict[int, Answer] = {}
        self._arrivals = 0
        self._alarm = Alarm(self._ring)
        header = Header(
            version=VERSION,
            model=settings.model,
            server=settings.server,
            seed=settings.seed,
            started_ns=self._started_ns,
        )
        self._truth = TruthLog(truth, header)
        self._heart: asyncio.TimerHandle | None = None
        self._beat()

    @property
    def is_ready(self) -> bool:
        """Whether its start is over."""
        return time.monotonic_ns() - self._started_ns >= self.settings.startup_s * 1e9

    def begin(self, connection: Connection, request: Request, endpoint: Endpoint) -> None:
        """Answers a request for tokens.

        Raises:
            Refused: As a real engine would; nothing has been sent.
        """
        received_ns = time.monotonic_ns()
        self._arrivals += 1
        key = request.headers.get("x-request-id") or str(self._arrivals)
        answer_id = f"sim-{self._arrivals}"
        asked = asked_of(decode_body(request.body), endpoint=endpoint, key=key, settings=self.settings)
        if isinstance(asked.fault, Status) or (isinstance(asked.fault, Garble) and asked.fault.what in _WHOLE):
            self._refuse_by_fault(connection, asked, answer_id, received_ns)
            return
        run = Run(job=asked.job, submitted_ns=received_ns)
        shape = EventShape(
            self.settings.wire, asked, answer_id=answer_id, created=self._created, model=self.settings.model
        )
        answer = Answer(
            answer_id=answer_id,
            asked=asked,
            run=run,
            connection=connection,
            wire=self.settings.wire,
            shape=shape,
            made=self._made,
            ended=self._ended,
        )
        self._submit(run, key=key, answer_id=answer_id)
        self._answers[id(run)] = answer
        answer.begin()
        self._set()

    def metrics(self) -> bytes:
        """The text of `/metrics`."""
        machine, cache = self._machine, self._cache
        gauges = {
            "num_requests_running": machine.running,
            "num_requests_waiting": machine.waiting,
            "kv_cache_usage_perc": machine.memory_share,
        }
        return exposition(self._counts, model=self.settings.model, gauges=gauges, cache=(cache.queries, cache.hits))

    def reset_prefix_cache(self) -> None:
        """Forgets all prefixes."""
        self._cache.clear()

    def close(self) -> None:
        """Ends: answers under way count as left."""
        for answer in list(self._answers.values()):
            answer.left()
        if self._heart is not None:
            self._heart.cancel()
        self._alarm.close()
        self._truth.close()

    def _submit(self, run: Run, *, key: str, answer_id: str) -> None:
        try:
            self._machine.submit(run)
        except TooLong as error:
            raise Refused("the request would never fit into memory", param="max_tokens") from error
        except Full as error:
            now_ns = time.monotonic_ns()
            self._truth.add(
                refusal(answer_id, key=key, received_ns=run.submitted_ns, ended_ns=now_ns, status=503, fault=None)
            )
            raise Refused("too many requests wait", status=HTTPStatus.SERVICE_UNAVAILABLE, retry_after_s=1) from error

    def _ring(self) -> None:
        """Sends what is due, and sets the alarm for what comes next."""
        answers = self._answers
        for run, index, due_ns in self._machine.advance(time.monotonic_ns(), most=_MOST):
            answer = answers.get(id(run))
            if answer is not None:
                answer.made(index, due_ns)
        self._set()

    def _set(self) -> None:
        due_ns = self._machine.due_ns()
        if due_ns is not None:
            self._alarm.set(due_ns)

    def _made(self, tokens: int) -> None:
        self._counts.generation_tokens += tokens

    def _ended(self, answer: Answer) -> None:
        now_ns = time.monotonic_ns()
        if self._answers.pop(id(answer.run), None) is None:
            return
        self._machine.drop(answer.run, now_ns)
        count(answer, self._counts, ended_ns=now_ns)
        if self._truth.wanted:
            self._truth.add(truth_of(answer, ended_ns=now_ns))

    def _refuse_by_fault(self, connection: Connection, asked: Asked, answer_id: str, received_ns: int) -> None:
        """A fault that takes the place of the answer, as scripts have it."""
        wanted = events.Asked(
            mark=answer_id, model=self.settings.model, is_chat=asked.is_chat, streams=asked.streams, wants_usage=False
        )
        sent = plan.compile_plan(Script(fault=asked.fault), wanted)
        body = b"".join(block.data for block in sent.blocks)
        connection.head(sent.status, {**sent.headers, "x-request-id": answer_id}, length=len(body))
        connection.send(body)
        now_ns = time.monotonic_ns()
        self._truth.add(
            refusal(
                answer_id,
                key=asked.key,
                received_ns=received_ns,
                ended_ns=now_ns,
                status=sent.status,
                fault=asked.fault,
            )
        )
        connection.done()

    def _beat(self) -> None:
        """Looks each half silence whether an answer needs a heartbeat."""
        silence_s = self.settings.wire.heartbeat_s
        if silence_s:
            now_ns = time.monotonic_ns()
            for answer in list(self._answers.values()):
                answer.beat(now_ns, int(silence_s * 1e9))
            self._heart = asyncio.get_running_loop().call_later(silence_s / 2, self._beat)


def error_of(refused: Refused) -> bytes:
    """The body of a refusal."""
    return error_body(refused.message, status=refused.status, param=refused.param)
