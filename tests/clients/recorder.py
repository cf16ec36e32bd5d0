"""A loopback server that answers official clients with canned replies and writes down what they sent.

Lives here: the server, and the form in which a request is kept (what is dropped, set apart and
shortened). Which calls are made, and what is answered, is each client's own file in `providers/`.
"""

import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import loopback

# Belong to the transport or describe the machine, not the request.
DROPPED = {
    "host",
    "accept-encoding",
    "connection",
    "content-length",
    "transfer-encoding",
    "x-goog-api-client",
    # Node's own fetch adds these.
    "accept-language",
    "sec-fetch-mode",
}
# Clients' reports about themselves, with ids that are new in every run.
TELEMETRY = ("x-stainless-", "x-dashscope-sdk-")
# Strings longer than this are shortened.
LONGEST = 160


@dataclass
class Request:
    """One request as it came in, whole."""

    method: str
    path: str
    headers: list
    body: bytes
    #: What the caller was doing: set by whoever makes the calls.
    mark: dict = field(default_factory=dict)

    def header(self, name):
        return next((value for key, value in self.headers if key == name), "")

    def json(self):
        return json.loads(self.body) if self.body else None


@dataclass
class Reply:
    """What the server answers: JSON unless `body` is bytes."""

    body: object = None
    status: int = 200
    headers: dict = field(default_factory=dict)


class Recorder:
    """The running server. `requests` grows as they come in, in their order of arrival."""

    def __init__(self, answer, tls_dir=None):
        self.requests = []
        self.mark = {}
        self.answer = answer
        self.lock = threading.Lock()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        scheme = "http"
        if tls_dir is not None:
            scheme = "https"
            loopback.wrap(self.server, tls_dir)
        self.port = self.server.server_address[1]
        self.base = f"{scheme}://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def _handler(recorder):  # named so because the handler has its own `self`
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def serve(self):
                request = Request(
                    self.command,
                    self.path,
                    [(key.lower(), value) for key, value in self.headers.items()],
                    loopback.read_body(self),
                    dict(recorder.mark),
                )
                with recorder.lock:
                    earlier = list(recorder.requests)
                    recorder.requests.append(request)
                    reply = recorder.answer(request, earlier, recorder.base)
                send(self, reply)

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = serve

        return Handler


def send(handler, reply):
    raw = isinstance(reply.body, bytes)
    data = reply.body if raw else b"" if reply.body is None else json.dumps(reply.body).encode()
    handler.send_response(reply.status)
    headers = {"Content-Type": "application/octet-stream" if raw else "application/json", **reply.headers}
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


def entry(request, digests):
    """A request in the recording's form. `digests`: long strings become their SHA-256, which a
    test can compare; otherwise they are cut, as in the oldest recordings."""
    kept, client = {}, {}
    for name, value in request.headers:
        if name == "user-agent":
            client[name] = value
        elif name == "x-stainless-retry-count":
            kept[name] = client[name] = value
        elif name not in DROPPED and not name.startswith(TELEMETRY):
            kept[name] = re.sub(r"boundary=\S+", "boundary=<B>", value)
    out = {"method": request.method, "path": request.path, "headers": kept, "client_info_headers": client}
    content_type = request.header("content-type")
    if content_type.startswith("multipart/"):
        out["multipart"] = [shorten(part, digests) for part in parts(request, digests)]
    elif content_type.startswith("application/json"):
        try:
            out["json"] = shorten(request.json(), digests)
        except ValueError:  # bytes under a JSON content type: a resumable upload
            out.update(raw_bytes(request.body, digests, request.body.decode("latin-1")))
    elif request.body:
        out.update(raw_bytes(request.body, digests, None))
    return {**out, **request.mark}


def raw_bytes(data, digests, text):
    if digests:
        return {"raw": f"<{len(data)} bytes>", "sha256": hashlib.sha256(data).hexdigest()}
    return {"raw": text if text is not None else f"<{len(data)} bytes>"}


def parts(request, digests):
    """The parts of a multipart body, in their order; files by length (and digest) only."""
    boundary = re.search(r'boundary="?([^";]+)', request.header("content-type")).group(1).encode()
    for chunk in request.body.split(b"--" + boundary)[1:-1]:
        head, _, body = chunk.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        head, body = head.decode(), body.removesuffix(b"\r\n")
        part = {"name": re.search(r'\bname="([^"]*)"', head).group(1)}
        file = re.search(r'filename="([^"]*)"', head)
        kind = re.search(r"(?im)^content-type:\s*(\S+)", head)
        if file:
            part["filename"] = file.group(1)
        if kind:
            part["content_type"] = kind.group(1)
        if file:
            part["body"] = f"<{len(body)} bytes>"
            if digests:
                part["sha256"] = hashlib.sha256(body).hexdigest()
        else:
            part["body"] = body.decode()
        yield part


def shorten(value, digests):
    if isinstance(value, dict):
        return {key: shorten(inner, digests) for key, inner in value.items()}
    if isinstance(value, list):
        return [shorten(inner, digests) for inner in value]
    if isinstance(value, str) and len(value) > LONGEST:
        if digests:
            return "sha256:" + hashlib.sha256(value.encode()).hexdigest()
        return f"{value[:60]}...<{len(value)} chars>"
    return value
