"""grpc.health.v1 for the gateway: not serving until it is ready, and watchers that do not hold up a stop.

The stock servicer keeps `Watch` streams open until their clients leave, and `server.stop(grace)` waits for them to the
end of its grace (measured: 10 s of 10). Here each is told of the drain and ends with status OK.
"""

import asyncio
from collections.abc import Mapping

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from triphase_server.rpc.context import Context
from triphase_server.rpc.model.servicer import SERVICE as MODEL_SERVICE

SERVICE = "triphase.gateway.v1.GatewayService"

_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
_SERVICE_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


class Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc] # the package has no stubs
    """The health of the process (`""`) and of its services. `List` is left to the base: not implemented."""

    def __init__(self) -> None:
        self._states: Mapping[str, health_pb2.HealthCheckResponse.ServingStatus] = {}
        self._draining = False
        self._changed = asyncio.Event()
        self.set_serving(False)

    def set_serving(self, serving: bool) -> None:
        """Tells everyone whether requests are welcome; says no for good once the drain has begun."""
        state = _SERVING if serving and not self._draining else _NOT_SERVING
        self._states = dict.fromkeys(("", SERVICE, MODEL_SERVICE), state)
        self._changed.set()
        self._changed = asyncio.Event()

    @property
    def draining(self) -> bool:
        """Whether this server stops."""
        return self._draining

    def drain(self) -> None:
        """Tells everyone that this server stops, and ends the watches."""
        self._draining = True
        self.set_serving(False)

    async def Check(
        self, request: health_pb2.HealthCheckRequest, context: Context[health_pb2.HealthCheckResponse]
    ) -> health_pb2.HealthCheckResponse:
        """Returns the health of a service; NOT_FOUND where there is none of that name."""
        state = self._states.get(request.service)
        if state is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
        return health_pb2.HealthCheckResponse(status=state)

    async def Watch(
        self, request: health_pb2.HealthCheckRequest, context: Context[health_pb2.HealthCheckResponse]
    ) -> None:
        """Writes the health of a service whenever it changes, until the drain; SERVICE_UNKNOWN where there is none."""
        told = None
        while True:
            changed, draining = self._changed, self._draining
            state = self._states.get(request.service, _SERVICE_UNKNOWN)
            if state != told:
                await context.write(health_pb2.HealthCheckResponse(status=state))
                told = state
            if draining:
                return
            await changed.wait()
