"""The services behind the gateway: Debian's nginx, a WebSocket echo, and an upstream that keeps every byte."""

import json
import os
import socket
import subprocess
import threading
from pathlib import Path

from accepting import Accepting
from gateway import until
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

NGINX = """
daemon off;
master_process off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  underscores_in_headers on;
  ignore_invalid_headers off;
  log_format seen escape=json '{{"request":"$request","user":"$http_x_gatepost_user","authorization":"$http_authorization",'
    '"wsse":"$http_x_wsse","proxy_authorization":"$http_proxy_authorization"}}';
  access_log {folder}/access.log seen;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location / {{ default_type text/plain; return 200 "nginx saw $request_uri\\n"; }}
  }}
}}
"""


def free_port():
    """A port that nobody listens on now. Only for peers that cannot take port 0 themselves."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Nginx:
    """Debian's nginx in one process, with its own folder, as whoever runs the tests."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        config = self.folder / "nginx.conf"
        config.write_text(NGINX.format(folder=self.folder, port=self.port))
        arguments = ["nginx", "-p", self.folder, "-c", config, "-e", self.folder / "error.log"]
        self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, env=os.environ | {"LC_ALL": "C"})
        until("nginx listens", self._listens)

    def _listens(self):
        assert self.process.poll() is None, (self.folder / "error.log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def seen(self):
        """What its access log holds so far, a request each."""
        log = self.folder / "access.log"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


class Recorder(Accepting):
    """An upstream that keeps each request head byte for byte and answers with `answer`."""

    ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: close\r\n\r\nrecorded"

    def __init__(self, answer=ANSWER):
        self.answer = answer
        self.heads = []
        self.go = threading.Event()
        self.go.set()
        super().__init__()

    def serve(self, connection):
        with connection:
            connection.settimeout(10)
            head = b""
            try:
                while b"\r\n\r\n" not in head:
                    more = connection.recv(65536)
                    if not more:
                        return
                    head += more
                self.heads.append(head)
                self.go.wait(20)
                connection.sendall(self.answer)
            except OSError:
                return

    def fields(self, at=-1):
        """The field lines of a recorded head, as (name, value) in the spelling that came."""
        lines = self.heads[at].split(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
        return [tuple(line.split(":", 1)) for line in lines]


class Echo:
    """Python's `websockets` as an echo server that keeps the fields of each handshake."""

    def __init__(self):
        self.handshakes = []
        self.server = serve(self._echo, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.server.socket.getsockname()[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def _echo(self, connection):
        self.handshakes.append(list(connection.request.headers.raw_items()))
        try:
            for message in connection:
                connection.send(message)
        except ConnectionClosed:
            return

    def stop(self):
        self.server.shutdown()
        self.thread.join(10)


def own_certificate(folder):
    """A self-signed certificate for localhost and its key, as an operator would make them."""
    cert, key = folder / "own.pem", folder / "own.key"
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    # An authority may not stand at a chain's end, and OpenSSL makes one unless told otherwise.
    leaf = ["-addext", "basicConstraints=critical,CA:FALSE"]
    subprocess.run([*make, *names, *leaf, "-keyout", key, "-out", cert], check=True, capture_output=True, timeout=30)
    return cert, key
