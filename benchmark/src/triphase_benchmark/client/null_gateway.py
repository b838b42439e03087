"""A gateway that does nothing but send, in a process of its own: the null engine of the other transport.

Its rule: the text of each output is the time at which it was handed to gRPC, in digits of a fixed width; how a request
is answered is said as to the null engine, in `extra_body`. What gRPC itself does with a message on this side is a part
of the lag, as it is between any gateway and its client.
"""

import asyncio
from collections.abc import AsyncIterator
from multiprocessing.connection import Connection
from time import monotonic_ns

import grpc
import grpc.aio
import msgspec
from google.protobuf.json_format import MessageToDict
from triphase.gateway.v1 import (
    Completed,
    FinishReason,
    OutputDelta,
    Started,
    StreamGenerateRequest,
    StreamGenerateResponse,
    Usage,
)

from triphase_benchmark.client.gateway import METHOD
from triphase_benchmark.client.null_engine import MEMBER, Answering, NullEngine, ignoring_interrupts

DIGITS = 20


class NullGateway(NullEngine):
    """Runs it: `with NullGateway() as gateway: gateway.url`."""

    scheme = "grpc"

    @staticmethod
    def serve(pipe: Connection) -> None:
        """Serves until the pipe closes."""
        ignoring_interrupts()
        asyncio.run(_serve(pipe))


def sent_times(output: str) -> list[int]:
    """The times of all chunks, of the text that they make together."""
    return [int(output[at : at + DIGITS]) for at in range(0, len(output), DIGITS)]


async def _serve(pipe: Connection) -> None:
    server = grpc.aio.server()
    service, name = METHOD.strip("/").split("/")
    handler = grpc.unary_stream_rpc_method_handler(_answer, StreamGenerateRequest.FromString, None)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {name: handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    pipe.send(port)
    closed = asyncio.Event()
    asyncio.get_running_loop().add_reader(pipe.fileno(), closed.set)
    await closed.wait()
    await server.stop(0)


async def _answer(request: StreamGenerateRequest, _: object) -> AsyncIterator[bytes]:
    how = msgspec.convert(MessageToDict(request.extra_body).get(MEMBER, {}), Answering, strict=False)
    yield StreamGenerateResponse(started=Started()).SerializeToString()
    step = how.interval_us * 1000
    due = monotonic_ns() + how.first_us * 1000
    if how.in_step and step:
        due += -due % step
    for _number in range(how.tokens):
        if (wait := due - monotonic_ns()) > 0:
            await asyncio.sleep(wait / 1e9)
        yield StreamGenerateResponse(output_delta=OutputDelta(text=f"{monotonic_ns():0{DIGITS}d}")).SerializeToString()
        due += step
    usage = Usage(input_tokens=1, output_tokens=how.tokens)
    completed = Completed(finish_reason=FinishReason.FINISH_REASON_LENGTH, usage=usage)
    yield StreamGenerateResponse(completed=completed).SerializeToString()
