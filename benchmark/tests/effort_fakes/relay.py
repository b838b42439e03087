"""A relay before an engine that changes requests: an engine that ignores effort, and in all other things itself."""

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

Change = Callable[[dict[str, Any]], dict[str, Any]]


def without(*names: str) -> Change:
    """Drops these members."""
    return lambda body: {name: value for name, value in body.items() if name not in names}


@contextmanager
def relay(upstream: str, change: Change) -> Iterator[str]:
    """Serves on a free port of loopback; yields its URL."""

    class Handler(_Handler):
        engine = urlsplit(upstream).netloc
        changed = staticmethod(change)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    engine: str
    changed: Change

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if body:
            body = json.dumps(type(self).changed(json.loads(body))).encode()
        connection = http.client.HTTPConnection(self.engine)
        try:
            connection.request(self.command, self.path, body or None, {"content-type": "application/json"})
            answer = connection.getresponse()
            whole = answer.read()
        finally:
            connection.close()
        self.send_response(answer.status)
        self.send_header("content-type", answer.headers.get("content-type", "application/json"))
        self.send_header("content-length", str(len(whole)))
        self.end_headers()
        self.wfile.write(whole)

    do_GET = do_POST = _pass  # noqa: N815 - the names that the library looks for

    def log_message(self, *_: object) -> None:
        pass
