"""One answer under way: chunks that are due become bytes on its connection, and faults strike where they are to.

Its rule: it notes when each chunk was due and when the socket had it, and asks nothing of the machine of time but its
run. How the bytes look is `wire.py`, what is counted of it `accounts.py`.
"""

import time
from collections import deque
from collections.abc import Callable
from typing import Final

from triphase_model.engine.simulated.faults import ErrorFrame, Garble, Garbling, Place, Reset, Stall
from triphase_model.engine.simulated.plan import End, error_frame, faulted_body, inserted_bytes
from triphase_model.engine.simulated.serving.connection import Connection
from triphase_model.engine.simulated.serving.jobs import Run
from triphase_model.engine.simulated.serving.request import Asked
from triphase_model.engine.simulated.serving.settings import Wire
from triphase_model.engine.simulated.serving.wire import EventShape

_EVENTS: Final = "text/event-stream; charset=utf-8"
_JSON: Final = "application/json"


class Answer:
    """See above. `ended` is called once, whatever became of it; `outcome` says what."""

    def __init__(
        self,
        *,
        answer_id: str,
        asked: Asked,
        run: Run,
        connection: Connection,
        wire: Wire,
        shape: EventShape,
        made: Callable[[int], None],
        ended: Callable[["Answer"], None],
    ) -> None:
        self.id = answer_id
        self.asked = asked
        self.run = run
        self.outcome = "completed"
        self.head_ns: int | None = None
        self.due_ns: list[int] = []
        self.sent_ns: list[int] = []
        self.indexes: list[int] = []
        self.tokens = 0
        self.last_write_ns = time.monotonic_ns()
        self._connection = connection
        self._wire = wire
        self._shape = shape
        self._made = made
        self._ended = ended
        self._backlog: deque[tuple[int, int]] = deque()
        self._held: list[bytes] = []
        self._role_due = wire.role in {"early", "own"} and asked.is_chat
        self._strike_after = _strike_after(asked)
        self._over = False

    def begin(self) -> None:
        """Sends what comes before any token."""
        self._connection.respondent = self
        if self._strike_after == -1:
            self._strike()
            return
        if not self.asked.streams:
            return
        if self._wire.early_head:
            self._send_head()
        if self._wire.role == "early" and self._role_due:
            self._send_head()
            self._send(self._role())
        if self._strike_after == 0:
            self._send_head()
            self._strike()

    def made(self, index: int, due_ns: int) -> None:
        """A chunk is due; it waits if the client does not read."""
        if self._over:
            return
        if self._connection.blocked:
            self._backlog.append((index, due_ns))
        else:
            self._put(index, due_ns)

    def writable(self) -> None:
        """The client reads again: sends what waits."""
        while self._backlog and not self._connection.blocked and not self._over:
            self._put(*self._backlog.popleft())

    def left(self) -> None:
        """The client has gone before the end."""
        self._close("client_closed")

    def beat(self, now_ns: int, silence_ns: int) -> None:
        """Sends a comment after a silence."""
        if self.head_ns is not None and self.asked.streams and now_ns - self.last_write_ns >= silence_ns:
            self._send(self._connection.framed(self._shape.comment()))

    def _put(self, index: int, due_ns: int) -> None:
        bounds = self.run.bounds
        begin = bounds[index - 1] if index else 0
        self.tokens = bounds[index]
        is_last = index == len(bounds) - 1
        self._made(bounds[index] - begin)
        if not self.asked.streams:
            if is_last:
                self._put_whole(due_ns)
            return
        data = self._shape.text(index, begin, bounds[index])
        if data:
            self._put_chunk(data, index, due_ns, flush=is_last)
        if not self._over and is_last:
            self._finish()

    def _put_chunk(self, data: bytes, index: int, due_ns: int, *, flush: bool) -> None:
        self._send_head()  # it decides how the rest is framed
        framed = self._cut(data) if self._wire.pieces > 1 else [self._connection.framed(data)]
        if self._role_due:
            framed[0] = self._role() + framed[0]
        if self._wire.comment_every and len(self.due_ns) % self._wire.comment_every == 0:
            framed[0] = self._connection.framed(self._shape.comment()) + framed[0]
        self.due_ns.append(due_ns)
        self.indexes.append(index)
        strikes = len(self.due_ns) == self._strike_after
        if self._wire.events_per_write > 1:
            self._held += framed
            if len(self.due_ns) - len(self.sent_ns) < self._wire.events_per_write and not flush and not strikes:
                return
            framed, self._held = [b"".join(self._held)], []
        for piece in framed:
            self._connection.send(piece)
        self.last_write_ns = now_ns = time.monotonic_ns()
        self.sent_ns += [now_ns] * (len(self.due_ns) - len(self.sent_ns))
        if strikes:
            self._strike()

    def _cut(self, data: bytes) -> list[bytes]:
        """An event in pieces, wherever they are cut."""
        size = max(1, -(-len(data) // self._wire.pieces))
        return [self._connection.framed(data[at : at + size]) for at in range(0, len(data), size)]

    def _put_whole(self, due_ns: int) -> None:
        body, end = faulted_body(self._shape.whole(cached=self.run.cached_tokens), self.asked.fault)
        length = len(body) if end is End.COMPLETE else len(body) + 1
        self.head_ns = time.monotonic_ns()
        self._connection.head(200, {"Content-Type": _JSON, "x-request-id": self.id}, length=length)
        self._connection.send(body)
        self.due_ns.append(due_ns)
        self.sent_ns.append(time.monotonic_ns())
        self.indexes.append(len(self.run.bounds) - 1)
        if end is End.RESET:
            self._reset()
        elif end is End.COMPLETE:
            self._close("completed")
            self._connection.done()

    def _finish(self) -> None:
        """What follows the last token: why it ended, the counts, the end mark."""
        what = self.asked.fault.what if isinstance(self.asked.fault, Garble) else None
        events = [
            b"" if what is Garbling.NO_FINISH_REASON else self._shape.finish(made=self.tokens),
            self._shape.usage(made=self.tokens, cached=self.run.cached_tokens),
            b"" if what is Garbling.NO_DONE else self._shape.done(),
        ]
        self._send_head()
        self._complete(b"".join([self._connection.framed(event) for event in events if event]))

    def _strike(self) -> None:
        """The fault that this request is to have, at its place."""
        match self.asked.fault:
            case Reset():
                self._reset()
            case Stall():
                self._over = True  # until the client leaves
            case ErrorFrame() as fault:
                frame = self._connection.framed(b"data: " + error_frame(fault) + b"\n\n")
                self._complete(frame + self._connection.framed(b"data: [DONE]\n\n"))
            case Garble(what=Garbling.CUT):
                self._complete()
            case Garble() as fault:
                for piece in inserted_bytes(fault):
                    self._send(self._connection.framed(piece))
            case _:
                pass

    def _reset(self) -> None:
        self._connection.respondent = None
        self._connection.reset()
        self._close("reset")

    def _complete(self, last: bytes = b"") -> None:
        self._connection.send(last + self._connection.end_mark())
        self._close("completed")
        self._connection.done()

    def _close(self, outcome: str) -> None:
        self._over = True
        self.outcome = outcome
        self._ended(self)

    def _role(self) -> bytes:
        self._role_due = False
        return self._connection.framed(self._shape.role())

    def _send_head(self) -> None:
        if self.head_ns is None:
            headers = {"Content-Type": _EVENTS, "Cache-Control": "no-cache", "x-request-id": self.id}
            self._connection.head(200, headers, length=None)
            self.head_ns = time.monotonic_ns()

    def _send(self, data: bytes) -> None:
        self._connection.send(data)
        self.last_write_ns = time.monotonic_ns()


def _strike_after(asked: Asked) -> int | None:
    """After how many chunks a fault strikes: 0 is before the first, -1 before the head; `None` is never."""
    match asked.fault:
        case Reset(at=Place.HEAD) | Stall(at=Place.HEAD):
            return -1
        case _ if not asked.streams:
            return None
        case Reset(at=Place.FIRST_TOKEN) | Stall(at=Place.FIRST_TOKEN):
            return 0
        case Garble(what=Garbling.NO_DONE | Garbling.NO_FINISH_REASON):
            return None
        case Reset() | Stall() | ErrorFrame() | Garble():
            return asked.fault.after_chunks
        case _:
            return None
