"""The HTTP server: routes, limits, errors, start and stop. What an answer is, the models decide (`ports.ServedModel`).

`serve` runs it inside this process and event loop; `process.py` in a process of its own. A handler is cancelled as soon
as its client leaves. Errors are JSON, whatever went wrong, and never hold a traceback.
"""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from triphase_model.engine.ports import Call, Endpoint, ServedModel
from triphase_model.engine.refusals import Refused, error_body, error_response

_MAX_BODY_BYTES: Final = 32 << 20
_MAX_HEADER_BYTES: Final = 64 << 10  # a script may come in a header

_log = logging.getLogger(__name__)


class _Named(msgspec.Struct, frozen=True):
    model: str


class _ModelCard(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    object: str = "model"
    created: int = 0
    owned_by: str = "triphase"
    max_model_len: int


class _ModelList(msgspec.Struct, frozen=True, kw_only=True):
    object: str = "list"
    data: list[_ModelCard]


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A server that accepts requests; `url` has no slash at its end."""

    url: str
    host: str
    port: int


def application(models: Sequence[ServedModel]) -> web.Application:
    """The server without a socket."""
    app = web.Application(client_max_size=_MAX_BODY_BYTES, middlewares=[_errors_as_json])
    engine = _Engine(models)
    app.router.add_get("/health", engine.health)
    app.router.add_get("/v1/models", engine.list_models)
    for endpoint in Endpoint:
        app.router.add_post(endpoint.value, engine.answer)
    for model in models:
        app.router.add_routes(model.routes())
    return app


@asynccontextmanager
async def serve(
    *, models: Sequence[ServedModel], host: str = "127.0.0.1", port: int = 0, shutdown_timeout_s: float = 0.1
) -> AsyncIterator[Running]:
    """Serves models until the block ends; port 0 takes a free one, which `Running` names.

    Answers that still run when the block ends get `shutdown_timeout_s` seconds, then they are cancelled.

    Raises:
        OSError: The address cannot be used.
    """
    runner = web.AppRunner(
        application(models),
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=shutdown_timeout_s,
        max_field_size=_MAX_HEADER_BYTES,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, backlog=1024).start()
        bound = runner.addresses[0][1]
        shown = f"[{host}]" if ":" in host else host
        yield Running(url=f"http://{shown}:{bound}", host=host, port=bound)
    finally:
        await runner.cleanup()


class _Engine:
    """The handlers."""

    def __init__(self, models: Sequence[ServedModel]) -> None:
        self._models = {model.name: model for model in models}

    async def health(self, _: web.Request) -> web.Response:
        return web.Response()

    async def list_models(self, _: web.Request) -> web.Response:
        cards = [_ModelCard(id=m.name, max_model_len=m.context_length) for m in self._models.values()]
        return web.Response(body=msgspec.json.encode(_ModelList(data=cards)), content_type="application/json")

    async def answer(self, http: web.Request) -> web.StreamResponse:
        body = await http.read()
        model = self._models.get(name := _name_of(body))
        if model is None:
            known = ", ".join(self._models)
            message = f"The model `{name[:128]}` does not exist. Valid names: {known}."
            raise Refused(message, param="model", status=HTTPStatus.NOT_FOUND)
        return await model.answer(Call(endpoint=Endpoint(http.path), body=body, http=http))


def _name_of(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Named).model
    except msgspec.ValidationError as error:
        raise Refused(str(error), param="model") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(f"the body is not valid JSON: {error}") from error


@web.middleware
async def _errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refused as refused:
        _log.info("refused with %d, param %s", refused.status, refused.param)
        return error_response(refused)
    except web.HTTPException as error:
        error.body = error_body(error.reason, status=error.status)
        error.content_type = "application/json"
        raise
    except ConnectionError:
        return web.Response()  # the client is gone; raised, it would be logged as a failure of ours
    except Exception:
        _log.exception("a request failed inside the engine")
        if request.writer.output_size:
            raise  # aiohttp breaks the connection, so that the client sees no complete answer
        body = error_body("the engine failed", status=500)
        return web.Response(status=500, body=body, content_type="application/json")
