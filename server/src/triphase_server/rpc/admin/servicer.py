"""The methods of `AdminService`: each converts, asks `service/administration.py`, and converts back.

Rule: errors leave as those of the gateway's own service do, by the table of `rpc/status.py`. Nothing here waits. Where
it listens is `server.py`.
"""

import logging
from collections.abc import Callable
from typing import TypeVar

from triphase.admin.v1 import (
    GetConfigurationRequest,
    GetConfigurationResponse,
    GetStatusRequest,
    GetStatusResponse,
    IsolateRequest,
    IsolateResponse,
    RestoreRequest,
    RestoreResponse,
)

from triphase_server.core.errors import GatewayError, InternalError
from triphase_server.rpc.admin.messages import to_configuration_response, to_deployments, to_status_response
from triphase_server.rpc.context import Context
from triphase_server.rpc.status import to_status
from triphase_server.rpc.undecodable import refuse_undecodable
from triphase_server.service.administration import Administration

_log = logging.getLogger(__name__)

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")


class AdminServicer:
    """Serves the methods."""

    def __init__(self, administration: Administration) -> None:
        self._administration = administration

    async def GetStatus(self, request: GetStatusRequest, context: Context[GetStatusResponse]) -> GetStatusResponse:
        """Returns how the deployments stand."""
        return await _answered(request, context, lambda _: to_status_response(self._administration.status()))

    async def Isolate(self, request: IsolateRequest, context: Context[IsolateResponse]) -> IsolateResponse:
        """Shuts a deployment off."""
        return await _answered(request, context, self._isolate)

    async def Restore(self, request: RestoreRequest, context: Context[RestoreResponse]) -> RestoreResponse:
        """Takes a deployment back."""
        return await _answered(request, context, self._restore)

    async def GetConfiguration(
        self, request: GetConfigurationRequest, context: Context[GetConfigurationResponse]
    ) -> GetConfigurationResponse:
        """Returns what is configured, without secrets."""
        return await _answered(
            request, context, lambda _: to_configuration_response(self._administration.configuration())
        )

    def _isolate(self, request: IsolateRequest) -> IsolateResponse:
        return IsolateResponse(deployments=to_deployments(self._administration.isolate(request.deployment)))

    def _restore(self, request: RestoreRequest) -> RestoreResponse:
        return RestoreResponse(deployments=to_deployments(self._administration.restore(request.deployment)))


async def _answered(
    request: RequestT, context: Context[ResponseT], answer: Callable[[RequestT], ResponseT]
) -> ResponseT:
    try:
        return answer(refuse_undecodable(request))
    except GatewayError as error:
        await context.abort_with_status(to_status(error))
    except Exception:
        _log.exception("defect in a handler")
        await context.abort_with_status(to_status(InternalError("the gateway failed; its log has the details")))
