"""How late the client is: its time of each chunk, less the time at which the null engine sent it.

Its rule: one host, one monotonic clock, so a lag is all that lies between the engine's send and the client's time
stamp: the kernel, the wait for a core, and the client's own work. Nothing is subtracted from it.
"""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from triphase_benchmark.client.exchange import Exchange
from triphase_benchmark.client.leg import Leg, Place, RowShape
from triphase_benchmark.client.parsing import Answer
from triphase_benchmark.plan.values import PlannedRequest

LAGS = pa.schema(
    [
        pa.field("worker", pa.int32(), nullable=False),
        pa.field("warm_up", pa.bool_(), nullable=False),
        pa.field("times", pa.list_(pa.int64()), nullable=False),  # of the client, since the epoch
        pa.field("lags", pa.list_(pa.int64()), nullable=False),
        pa.field("delay", pa.int64()),  # from scheduled to sent
        pa.field("error", pa.string()),
    ]
)


# Both take what rows of REQUESTS are made of, and need less of it.


def _of(
    leg: Leg, place: Place, request: PlannedRequest, exchange: Exchange, answer: Answer, *, due: int
) -> Mapping[str, Any]:
    sent_ns = _sent_times(answer.output) if leg.engine.is_gateway else answer.sent_ns
    known = len(sent_ns) == len(answer.chunk_times)
    lags = [at - sent for at, sent in zip(answer.chunk_times, sent_ns, strict=True)] if known else []
    return {
        "worker": place.worker,
        "warm_up": request.warm_up,
        "times": [at - place.epoch_ns for at in answer.chunk_times] if known else [],
        "lags": lags,
        "delay": exchange.sent - due if exchange.sent else None,
        "error": answer.failure[0].value if answer.failure else None,
    }


def _sent_times(output: str) -> list[int]:
    from triphase_benchmark.client.null_gateway import sent_times  # noqa: PLC0415 - loads gRPC, as its worker has

    return sent_times(output)


def _unsent(_: Leg, place: Place, request: PlannedRequest, *, why: str, **__: int) -> Mapping[str, Any]:
    return {"worker": place.worker, "warm_up": request.warm_up, "times": [], "lags": [], "error": why}


LAG_ROWS = RowShape(schema=LAGS, of=_of, unsent=_unsent)
