"""An origin and proxy that ask for NTLM and Negotiate, with pyspnego as judge: one context for each connection."""

import base64
import hashlib
import http.server
import select
import socket
import socketserver
import ssl
import threading

import spnego
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import SpnegoError

# Which schemes a path asks for. Those that end on -bound demand `tls-server-end-point` (RFC 5929).
PATHS = {
    "/ntlm": ["NTLM"],
    "/negotiate": ["Negotiate"],
    "/both": ["Negotiate", "NTLM"],
    "/closing": ["NTLM"],
    "/ntlm-bound": ["NTLM"],
    "/negotiate-bound": ["Negotiate"],
}


def end_point(certificate):
    """What binds a proof to the server that has this certificate, a PEM file signed with SHA-256."""
    der = x509.load_pem_x509_certificate(certificate.read_bytes()).public_bytes(Encoding.DER)
    return GssChannelBindings(application_data=b"tls-server-end-point:" + hashlib.sha256(der).digest())


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 20
    context = None  # How far this connection's proof has come.
    user = None
    requests = 0

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.requests += 1
        if self.path not in PATHS:
            return self.answer(404, "no such path")
        bindings = self.server.bindings if self.path.endswith("-bound") else None
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.proved("WWW-Authenticate", "Authorization", PATHS[self.path], bindings):
            self.answer(200, f"user={self.user} requests={self.requests} got={len(sent)}", self.last)

    do_POST = do_GET

    def do_CONNECT(self):
        self.requests += 1
        if not self.proved("Proxy-Authenticate", "Proxy-Authorization", ["Negotiate", "NTLM"], None):
            return
        host, port = self.path.rsplit(":", 1)
        assert host in ("localhost", "127.0.0.1")
        with socket.create_connection((host, int(port)), 10) as origin:
            self.send_response(200)
            self.end_headers()
            pump(self.connection, origin)
        self.close_connection = True

    def proved(self, challenge, credentials, schemes, bindings):
        """Whether the connection speaks for somebody; if not, what is next was said."""
        self.last = []
        scheme, _, token = (self.headers.get(credentials) or "").partition(" ")
        if not token:
            if self.user is None:
                self.ask([(challenge, scheme) for scheme in schemes])
            return self.user is not None
        raw, self.user = base64.b64decode(token, validate=True), None
        try:
            if raw[:1] == b"\x60" or raw[8:12] == b"\1\0\0\0":
                self.context = self.begin(raw, bindings)
            token = base64.b64encode(self.context.step(raw) or b"").decode()
        except (SpnegoError, AttributeError) as error:
            self.server.refused.append(f"{type(error).__name__}: {error}")
            self.context = None
            self.ask([(challenge, scheme) for scheme in schemes])
            return False
        said = [(challenge, f"{scheme} {token}")] if token else []
        if not self.context.complete:
            self.ask(said)
            return False
        self.user, self.last = self.context.client_principal, said
        return True

    @staticmethod
    def begin(raw, bindings):
        bare = raw.startswith(b"NTLMSSP\0")
        options = spnego.NegotiateOptions.use_ntlm if bare else spnego.NegotiateOptions.use_negotiate
        protocol = "ntlm" if bare else "negotiate"
        return spnego.server("localhost", "HTTP", protocol=protocol, options=options, channel_bindings=bindings)

    def ask(self, fields):
        status = 407 if self.command == "CONNECT" else 401
        if self.path == "/closing":
            self.close_connection = True
            fields = [*fields, ("Connection", "close")]
        self.answer(status, "who are you?", fields)

    def answer(self, status, body, fields=()):
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())


class SpnegoServer(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """Plain, or over TLS with the certificate and key of `own`. Knows ali and bo of GATEPOST."""

    daemon_threads = True

    def __init__(self, folder, environment, own=None):
        """pyspnego takes its users from a file that the environment names: a `monkeypatch` of pytest."""
        users = folder / "spnego-users"
        users.write_text("GATEPOST:ali:open sesame\nGATEPOST:bo:hunter2\n")
        environment.setenv("NTLM_USER_FILE", str(users))
        super().__init__(("127.0.0.1", 0), Handler)
        self.refused, self.bindings = [], None
        if own:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*own)
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
            self.bindings = end_point(own[0])
        self.url = f"{'https' if own else 'http'}://localhost:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        pass

    def stop(self):
        self.shutdown()
        self.server_close()


def pump(one, other):
    """Carries octets both ways until one end is done."""
    ways = {one: other, other: one}
    while True:
        ready, _, _ = select.select(list(ways), [], [], 20)
        for end in ready:
            octets = end.recv(65536)
            if not octets:
                return
            ways[end].sendall(octets)
        if not ready:
            return
