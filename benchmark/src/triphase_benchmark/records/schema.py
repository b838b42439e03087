"""The tables of a run: which columns they have, of which type, and what each holds.

Its rule: raw times, so that any measure can be computed again by whoever defines it otherwise. All times are int
nanoseconds on the monotonic clock of the machine that measured, counted from the run's epoch (`epoch_ns` in the
manifest); they are never compared across hosts. What is unknown is null, never zero.
"""

import pyarrow as pa

# The version of these tables. It grows with each change that an older reader would misread.
VERSION = 1

_NS = pa.int64()

# One row for each request that was planned, whatever became of it.
REQUESTS = pa.schema(
    [
        pa.field("round", pa.int32(), nullable=False),
        pa.field("place_in_round", pa.int32(), nullable=False),  # 0: its engine came first in this round
        pa.field("engine", pa.string(), nullable=False),
        pa.field("host", pa.string(), nullable=False),  # whose clock its times are of
        pa.field("worker", pa.int32(), nullable=False),
        pa.field("request", pa.int32(), nullable=False),  # its number in the round
        pa.field("prompt", pa.string(), nullable=False),  # its prompt's id
        pa.field("warm_up", pa.bool_(), nullable=False),
        pa.field("scheduled", _NS, nullable=False),  # when it was due; in a closed loop, when its place became free
        pa.field("sent", _NS),  # its first byte was handed to the socket; null: never sent
        pa.field("responded", _NS),  # the response's head had arrived
        pa.field("ended", _NS),  # its stream had ended, in whatever way
        # Token chunks only: each with at least one token of any channel.
        pa.field("chunk_times", pa.list_(_NS), nullable=False),
        pa.field("chunk_tokens", pa.list_(pa.int32())),  # null where the engine does not tell
        pa.field("chunk_output", pa.list_(pa.bool_()), nullable=False),  # true: output or tool call; false: thoughts
        pa.field("shared_reads", pa.int32(), nullable=False),  # token chunks that arrived in one read with another
        # Through the gateway: when each phase came. Null at a bare engine.
        pa.field("accepted", _NS),  # the `started` event
        pa.field("prompt_summary", _NS),
        pa.field("reasoning_summary", _NS),
        pa.field("input_tokens", pa.int32()),
        pa.field("cached_tokens", pa.int32()),
        pa.field("output_tokens", pa.int32()),  # thoughts included, by the engine's usage
        pa.field("reasoning_tokens", pa.int32()),
        pa.field("usage_is_estimate", pa.bool_()),
        pa.field("asked_tokens", pa.int32()),  # how many it was made to give
        pa.field("reasoning_characters", pa.int32(), nullable=False),
        pa.field("output_characters", pa.int32(), nullable=False),
        pa.field("finish_reason", pa.string()),
        pa.field("status", pa.int32()),  # of HTTP or gRPC
        pa.field("error", pa.string()),  # its kind, `ErrorKind`; null: it succeeded
        pa.field("error_detail", pa.string()),
    ]
)
