"""A local HTTP server that misbehaves as told: for each path, one behaviour per request."""

import socket
import struct
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Behaviour = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Request:
    """What the server saw: when, the path, and the headers."""

    time: float
    path: str
    headers: Message


@dataclass
class Server:
    """Behaviours by path; the last one of a path is repeated. Other paths are answered with 404."""

    url: str
    behaviours: dict[str, list[Behaviour]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    served: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def at(self, path: str, *behaviours: Behaviour) -> None:
        """Answer the requests of `path` by these behaviours in turn."""
        self.behaviours[path] = list(behaviours)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Note a request and answer it."""
        path = handler.path
        self.requests.append(Request(time.monotonic(), path, handler.headers))
        waiting = self.behaviours.get(path, [status(404)])
        turn = min(self.served[path], len(waiting) - 1)
        self.served[path] += 1
        waiting[turn](handler)


@contextmanager
def failing_server() -> Iterator[Server]:
    """Run a server on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            server.answer(self)

        def log_message(self, *_: object) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:  # clients that hang up are part of the tests
            pass

    http = Quiet(("127.0.0.1", 0), Handler)
    server = Server(f"http://127.0.0.1:{http.server_port}")
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


def body(content: bytes, etag: str = '"1"', **more: str) -> Behaviour:
    """Serve `content` as a good server does: ranges and If-Range understood."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        asked = handler.headers.get("Range")
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        if asked and handler.headers.get("If-Range") not in (None, etag):
            start = 0
        if start >= len(content) > 0:
            return _send(handler, 416, {"Content-Range": f"bytes */{len(content)}"}, b"")
        head = {"ETag": etag, **{name.replace("_", "-"): value for name, value in more.items()}}
        if start:
            head["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return _send(handler, 206 if start else 200, head, content[start:])

    return behave


def without_ranges(content: bytes) -> Behaviour:
    """Serve the whole content whatever is asked."""
    return lambda handler: _send(handler, 200, {"ETag": '"1"'}, content)


def wrong_range(content: bytes, start: int, etag: str = '"1"') -> Behaviour:
    """Answer a range with the bytes from `start` on."""
    span = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}", "ETag": etag}
    return lambda handler: _send(handler, 206, span, content[start:])


def status(code: int, **head: str) -> Behaviour:
    """Answer with a status and a short page."""
    names = {name.replace("_", "-"): value for name, value in head.items()}
    return lambda handler: _send(handler, code, names, b"<html>no</html>")


def cut_off(content: bytes, at: int, etag: str = '"1"', reset: bool = False) -> Behaviour:
    """Promise the whole content, send the first `at` bytes, and hang up (or reset the connection)."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        _send(handler, 200, {"ETag": etag, "Content-Length": str(len(content))}, content[:at])
        if reset:
            time.sleep(0.05)  # the client reads what was sent: a reset may overtake it
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.close_connection = True

    return behave


def chunked(content: bytes, whole: bool = True) -> Behaviour:
    """Send the content in two chunks of unannounced length; or only the first, and hang up."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        half = len(content) // 2
        for piece in (content[:half], content[half:], b"")[: 3 if whole else 1]:
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        handler.wfile.flush()
        handler.close_connection = not whole

    return behave


def slowly(content: bytes, piece: int, pause: float, etag: str = '"1"') -> Behaviour:
    """Send the content in pieces with pauses between them."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        _send(handler, 200, {"ETag": etag, "Content-Length": str(len(content))}, b"")
        for start in range(0, len(content), piece):
            handler.wfile.write(content[start : start + piece])
            handler.wfile.flush()
            time.sleep(pause)

    return behave


def _send(handler: BaseHTTPRequestHandler, code: int, head: dict[str, str], content: bytes) -> None:
    handler.send_response(code)
    for name, value in {"Content-Length": str(len(content)), **head}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(content)
    handler.wfile.flush()
