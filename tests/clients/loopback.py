"""Servers on the loopback address, with https for clients that speak nothing else.

Lives here: reading a request, a certificate made anew by each run, and a proxy that puts https before
a server that speaks plain http.
"""

import http.client
import ssl
import subprocess
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

# Belong to one connection, not to what is passed on.
HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "accept-encoding"}


def authority(directory):
    """The certificate's file, which a client must be told to trust (env SSL_CERT_FILE)."""
    return str(Path(directory) / "cert.pem")


def certificate(directory):
    """A self-signed certificate for 127.0.0.1, made anew by each run; (certificate, key)."""
    cert, key = Path(directory) / "cert.pem", Path(directory) / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert],
        check=True, capture_output=True,
    )  # fmt: skip
    return str(cert), str(key)


def wrap(server, directory):
    """Makes an HTTP server an HTTPS server, with a certificate kept in the folder."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate(directory))
    server.socket = context.wrap_socket(server.socket, server_side=True)


class Proxy:
    """https before `target`. Addresses of the target in JSON become the proxy's, and back again, so
    that a client that follows them stays with https."""

    def __init__(self, target, directory):
        self.target = target.rstrip("/")
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        wrap(self.server, directory)
        self.base = f"https://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def forward(self, method, path, headers, body):
        """(status, headers, body) of the target."""
        if is_json(headers):
            body = body.replace(self.base.encode(), self.target.encode())
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(self.target).netloc, timeout=120)
        connection.request(method, path, body or None, {name: v for name, v in headers if name not in HOP})
        reply = connection.getresponse()
        data, given = reply.read(), [(name.lower(), value) for name, value in reply.getheaders()]
        connection.close()
        if is_json(given):
            data = data.replace(self.target.encode(), self.base.encode())
        return reply.status, [(name, v.replace(self.target, self.base)) for name, v in given], data

    def _handler(proxy):  # named so because the handler has its own `self`
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def serve(self):
                headers = [(name.lower(), value) for name, value in self.headers.items()]
                status, given, data = proxy.forward(self.command, self.path, headers, read_body(self))
                self.send_response_only(status)
                for name, value in given:
                    if name not in HOP:
                        self.send_header(name, value)
                if status >= 200 and status != 204:
                    self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = serve

        return Handler


def is_json(headers):
    return any(name == "content-type" and "json" in value for name, value in headers)


def read_body(handler):
    """The request's body, by its length or in chunks."""
    if "chunked" in handler.headers.get("transfer-encoding", ""):
        parts = []
        while size := int(handler.rfile.readline().split(b";")[0], 16):
            parts.append(handler.rfile.read(size))
            handler.rfile.readline()
        handler.rfile.readline()
        return b"".join(parts)
    return handler.rfile.read(int(handler.headers.get("content-length") or 0))
