"""The routes of an ML backend of Label Studio over HTTP.

The standard library serves them: four routes with small JSON, called by one program, need neither the routing nor the
event loop of a framework, and a lock around the detector is all the order that they need.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from sissi.errors import SissiError
from sissi.inference.serving.backend import Backend

LARGEST = 64 << 20
"""Bytes of the largest request: tasks with all of their annotations."""
TIMEOUT = 30
"""Seconds that a caller may be silent."""
Tree = dict[str, Any]


def make_server(backend: Backend, host: str, port: int) -> ThreadingHTTPServer:
    """A server that listens but does not answer yet; `serve_forever` does.

    Args:
        backend: the model.
        host: address to listen on.
        port: to listen on; 0: a free one, see `server_port`.

    Raises:
        SissiError: the address is in use, or is none of this machine.
    """
    up = {"status": "UP", "model_class": "sissi", "model_version": backend.version}
    routes: dict[tuple[str, str], Callable[[Mapping[str, Any]], Tree]] = {
        ("GET", "/"): lambda _: up,
        ("GET", "/health"): lambda _: up,
        ("GET", "/versions"): lambda _: {"versions": [backend.version]},
        ("POST", "/setup"): backend.setup,
        ("POST", "/predict"): backend.predict,
        ("POST", "/webhook"): lambda _: {"status": "ignored"},  # training begins with the next ablation
    }

    class Handler(_Handler):
        pass

    Handler.routes = routes
    try:
        return ThreadingHTTPServer((host, port), Handler)
    except (OSError, OverflowError) as error:
        raise SissiError(f"--host {host} --port {port}: cannot listen there: {error}") from error


class _Handler(BaseHTTPRequestHandler):
    """A request; faults are answered in one sentence."""

    routes: Mapping[tuple[str, str], Callable[[Mapping[str, Any]], Tree]] = {}
    timeout = TIMEOUT
    server_version = "sissi"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer a GET."""
        self._answer(*self._outcome(lambda: {}))

    def do_POST(self) -> None:
        """Answer a POST."""
        self._answer(*self._outcome(self._body))

    def _outcome(self, body: Callable[[], Mapping[str, Any]]) -> tuple[HTTPStatus, Tree]:
        path = self.path.split("?")[0].rstrip("/") or "/"
        route = self.routes.get((self.command, path))
        if route is None:
            return HTTPStatus.NOT_FOUND, {"error": f"{self.command} {path}: no such route"}
        try:
            return HTTPStatus.OK, route(body())
        except SissiError as error:
            return HTTPStatus.BAD_REQUEST, {"error": " ".join(str(error).split())}
        except TimeoutError:
            return HTTPStatus.REQUEST_TIMEOUT, {"error": "the request ended before its Content-Length"}
        except Exception as error:
            print(f"sissi serve: {type(error).__name__}: {error}", file=sys.stderr)
            return HTTPStatus.INTERNAL_SERVER_ERROR, {"error": f"fault of the server: {type(error).__name__}"}

    def _body(self) -> Mapping[str, Any]:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > LARGEST:
            raise SissiError(f"Content-Length: {length or 'is missing'}; a request has at most {LARGEST} bytes")
        try:
            tree = json.loads(self.rfile.read(int(length)) or b"{}")
        except (ValueError, RecursionError) as error:
            raise SissiError(f"the request is no JSON: {error}") from error
        if not isinstance(tree, dict):
            raise SissiError("the request is no JSON object")
        return tree

    def _answer(self, status: HTTPStatus, tree: Tree) -> None:
        content = json.dumps(tree).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """One line a request on standard error, without control characters."""
        text = "".join(sign if sign.isprintable() else "?" for sign in format % args)
        print(f"{self.log_date_time_string()} {text}", file=sys.stderr)
