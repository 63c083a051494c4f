"""HTTP for the payment service: a loopback server that speaks JSON and never shows a stack trace."""

import json
import logging
import socketserver
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MAX_BODY = 64 * 1024
log = logging.getLogger("payments")


class Refusal(Exception):
    """An answer that says no: an HTTP status, a code for programs and a sentence for people."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        """Refuse with `status`, `code` and `detail`."""
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail


class Dropped(Exception):
    """The connection is to be closed without an answer."""


class Torn(Exception):
    """The connection is to be closed in the middle of the answer."""


@dataclass(frozen=True)
class Answer:
    """What goes back: an HTTP status and a JSON object."""

    status: int
    body: dict[str, Any]


@dataclass(frozen=True)
class Request:
    """What came in. Header names are lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    raw: bytes

    def json(self) -> dict[str, Any]:
        """Return the body as a JSON object. Raises Refusal (400) if it is not one."""
        try:
            data = json.loads(self.raw)
        except (ValueError, RecursionError) as bad:
            raise Refusal(400, "bad_json", f"the body is not JSON ({bad})") from bad
        if not isinstance(data, dict):
            raise Refusal(400, "bad_json", f"the body must be a JSON object, not {type(data).__name__}")
        return data


class Server(ThreadingHTTPServer):
    """Answers with `app` on 127.0.0.1 only; every connection has a thread that dies with the process."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, app: Callable[[Request], Answer], port: int) -> None:
        """Listen on `port`, 0 for any free one. Raises OSError if the port is taken."""
        self.app = app
        super().__init__(("127.0.0.1", port), _Handler)

    def server_bind(self) -> None:
        """Bind without the look-up of our own host name, which can stall where there is no resolver."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.socket.getsockname()[1]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    wbufsize = -1  # headers and body leave in one packet
    disable_nagle_algorithm = True
    server: Server

    def _serve(self) -> None:
        try:
            answer = self._answer()
        except Dropped:
            self.close_connection = True
            return
        except Torn:
            self._send_half()
            return
        try:
            self._send(answer)
        except (BrokenPipeError, ConnectionResetError):
            log.info("%r: the caller hung up before the answer", self.requestline)
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _serve

    def _answer(self) -> Answer:
        try:
            return self.server.app(self._request())
        except Refusal as no:
            return _problem(no.status, no.code, no.detail)
        except (TimeoutError, ConnectionError) as gone:
            raise Dropped from gone  # the caller left in the middle of its request
        except (Dropped, Torn):
            raise
        except Exception:
            log.exception("%r: could not be served", self.requestline)
            return _problem(500, "internal_error", "the payment service failed; its log says why")

    def _request(self) -> Request:
        try:
            parts = urllib.parse.urlsplit(self.path)
        except ValueError as bad:
            raise Refusal(400, "bad_request", f"{self.path!r} is not a path ({bad})") from bad
        query = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Request(self.command, parts.path, query, headers, self._body(headers))

    def _body(self, headers: Mapping[str, str]) -> bytes:
        length = headers.get("content-length", "0")
        if "transfer-encoding" in headers or not (length.isascii() and length.isdigit()):
            self.close_connection = True  # where the body ends is unknown, so nothing after it can be read
            raise Refusal(400, "bad_request", "the body needs a Content-Length in bytes")
        if len(length) > 9 or int(length) > MAX_BODY:
            self.close_connection = True
            raise Refusal(413, "too_large", f"the body may have {MAX_BODY} bytes at most")
        return self.rfile.read(int(length))

    def _send(self, answer: Answer) -> None:
        body = json.dumps(answer.body).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def _send_half(self) -> None:
        """Begin an answer whose rest never comes."""
        self.close_connection = True
        self.send_response(HTTPStatus.CREATED)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b'{"id": ')

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer a request that is not even HTTP in JSON too, and hang up."""
        self.close_connection = True
        self._send(_problem(code, "bad_request", explain or message or HTTPStatus(code).phrase))


def _problem(status: int, code: str, detail: str) -> Answer:
    return Answer(status, {"status": status, "code": code, "detail": detail})
