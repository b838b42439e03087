"""An engine for tests that says what its model's script says: tool calls, thoughts, JSON, an end in the middle.

It speaks as vLLM does, over a real socket, and keeps the body of each request. The answers of a real model are those
of the embedded engine; here is what that one never says.
"""

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Delta = Mapping[str, Any]
_CALLS = [
    {"index": 0, "id": "call_a", "type": "function", "function": {"name": "weather", "arguments": ""}},
    {"index": 0, "function": {"arguments": '{"city": '}},
    {"index": 0, "function": {"arguments": '"Oslo"}'}},
    {"index": 1, "id": "call_b", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}},
]
SCRIPTS: Mapping[str, Sequence[Delta]] = {
    "tools": [{"content": "I look."}, *({"tool_calls": [call]} for call in _CALLS)],
    "json": [{"content": '{"sum": '}, {"content": "85}"}],
    "thinking": [{"reasoning": "Add 47 and 38. "}, {"reasoning": "The sum is 85."}, {"content": "85"}],
    "broken": [{"reasoning": "Add 47 and 38. "}, {"content": "8"}],
    "endless": [{"reasoning": f"Step {number}: add {number} and {number}.\n\n"} for number in range(100_000)],
    "busy": [],
}
_ENDS = {"tools": "tool_calls", "thinking": "stop", "json": "stop"}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "_Server"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(body)
        name = body["model"]
        if name == "busy":
            self._refuse()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            for delta in SCRIPTS[name]:
                self._send({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
                if name == "endless" and self.server.pace.wait(0.02):
                    return
            if name in _ENDS:
                self._send({"choices": [{"index": 0, "delta": {}, "finish_reason": _ENDS[name]}]})
                usage = {"prompt_tokens": 12, "completion_tokens": 30, "prompt_tokens_details": {"cached_tokens": 4}}
                self._send({"choices": [], "usage": usage | {"total_tokens": 42}})
                self.wfile.write(b"data: [DONE]\n\n")
        except OSError:
            self.server.left.set()

    def _refuse(self) -> None:
        text = b'{"error": {"message": "full", "type": "overloaded", "code": 429}}'
        self.send_response(429)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _send(self, chunk: Mapping[str, Any]) -> None:
        whole = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "scripted", **chunk}
        self.wfile.write(b"data: " + json.dumps(whole).encode() + b"\n\n")
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Keeps the terminal of the tests clear."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[dict[str, Any]] = []
        self.left = threading.Event()
        self.pace = threading.Event()


@contextmanager
def scripted_engine() -> Iterator[_Server]:
    """Serves on a free port of loopback; `asked` has the bodies, `left` is set once a client left in mid-answer."""
    server = _Server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.pace.set()
        server.shutdown()
        server.server_close()


def configuration(server: _Server) -> str:
    """A gateway's configuration with a route for each script."""
    url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    lines = ["metrics_listen = ''", "[upstreams.scripted]", f"base_url = '{url}'"]
    for name in SCRIPTS:
        lines += [f"[deployments.{name}]", "upstream = 'scripted'", f"model = '{name}'"]
        lines += [f"[routes.{name}]", f"deployments = ['{name}']"]
    return "\n".join(lines) + "\n"
