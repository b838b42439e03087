"""The paths of the simulated engine: those of vLLM that a benchmark asks for, and nothing of its own."""

import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final

import msgspec

from triphase_model.engine.ports import Endpoint
from triphase_model.engine.refusals import Refused
from triphase_model.engine.simulated.serving.connection import Connection, Request
from triphase_model.engine.simulated.serving.engine import ServingEngine, error_of
from triphase_model.engine.simulated.serving.request import decode_body
from triphase_model.engine.simulated.serving.wording import token_id, token_texts

_METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_log = logging.getLogger(__name__)

Route = Callable[[ServingEngine, Connection, Request], None]


class Routes:
    """See `connection.Handler`."""

    def __init__(self, engine: ServingEngine) -> None:
        self._engine = engine

    def handle(self, connection: Connection, request: Request) -> None:
        """Answers a request by its path; what goes wrong is JSON, and never a traceback."""
        try:
            _route(request, is_ready=self._engine.is_ready)(self._engine, connection, request)
        except Refused as refused:
            headers = {} if refused.retry_after_s is None else {"Retry_After": str(refused.retry_after_s)}
            connection.whole(refused.status, error_of(refused), **headers)
        except Exception:
            _log.exception("a request failed inside the engine")
            connection.close()


def _route(request: Request, *, is_ready: bool) -> Route:
    if not is_ready:
        raise Refused("the model is loading", status=HTTPStatus.SERVICE_UNAVAILABLE, retry_after_s=1)
    methods = ROUTES.get(request.path)
    if methods is None:
        raise Refused("Not Found", status=HTTPStatus.NOT_FOUND)
    route = methods.get(request.method)
    if route is None:
        raise Refused("Method Not Allowed", status=HTTPStatus.METHOD_NOT_ALLOWED)
    return route


def _health(_: ServingEngine, connection: Connection, __: Request) -> None:
    connection.whole(HTTPStatus.OK, b"", content_type="text/plain")


def _version(engine: ServingEngine, connection: Connection, _: Request) -> None:
    connection.whole(HTTPStatus.OK, msgspec.json.encode({"version": engine.settings.version}))


def _models(engine: ServingEngine, connection: Connection, _: Request) -> None:
    settings = engine.settings
    card = {"id": settings.model, "object": "model", "created": 0, "owned_by": settings.server}
    card["max_model_len"] = settings.context_length
    connection.whole(HTTPStatus.OK, msgspec.json.encode({"object": "list", "data": [card]}))


def _metrics(engine: ServingEngine, connection: Connection, _: Request) -> None:
    connection.whole(HTTPStatus.OK, engine.metrics(), content_type=_METRICS_TYPE)


def _reset_prefix_cache(engine: ServingEngine, connection: Connection, _: Request) -> None:
    engine.reset_prefix_cache()
    connection.whole(HTTPStatus.OK, b"", content_type="text/plain")


def _tokenize(engine: ServingEngine, connection: Connection, request: Request) -> None:
    body = decode_body(request.body)
    if not isinstance(body.prompt, str):
        raise Refused("expected a text", param="prompt")
    ids = [token_id(word) for word in token_texts(body.prompt)]
    answer = {"count": len(ids), "max_model_len": engine.settings.context_length, "tokens": ids}
    connection.whole(HTTPStatus.OK, msgspec.json.encode(answer))


def _chat(engine: ServingEngine, connection: Connection, request: Request) -> None:
    engine.begin(connection, request, Endpoint.CHAT)


def _completion(engine: ServingEngine, connection: Connection, request: Request) -> None:
    engine.begin(connection, request, Endpoint.COMPLETION)


ROUTES: Final[Mapping[str, Mapping[str, Route]]] = {
    "/health": {"GET": _health},
    "/version": {"GET": _version},
    "/metrics": {"GET": _metrics},
    "/v1/models": {"GET": _models},
    "/reset_prefix_cache": {"POST": _reset_prefix_cache},
    "/tokenize": {"POST": _tokenize},
    Endpoint.CHAT.value: {"POST": _chat},
    Endpoint.COMPLETION.value: {"POST": _completion},
}
