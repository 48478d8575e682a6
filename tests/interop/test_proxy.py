"""Through an HTTP proxy by CONNECT, with and without a proof for it: requests and WebSockets."""

import base64
import json
import socket
import ssl
import threading

import command
import pytest
from peers import own_certificate

PASSWORD = "open sesame"
# It would pass for a token.
TOKENISH = "open-sesame"
PROOF = "Basic " + base64.b64encode(f"ali:{PASSWORD}".encode()).decode()


class Proxy:
    """Carries octets to wherever it is asked to; with `asks` only for whoever proves to be ali."""

    def __init__(self, asks, context=None):
        """With `context`, over TLS."""
        self.asks, self.context, self.heads = asks, context, []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"{'https' if context else 'http'}://localhost:{self.socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client):
        if self.context:
            try:
                client = self.context.wrap_socket(client, server_side=True)
            except ssl.SSLError:
                return  # The client does not take the certificate.
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += client.recv(1)
        lines = head.decode().split("\r\n")
        self.heads.append(lines[:-2])
        if self.asks and f"proxy-authorization: {PROOF}" not in [line[:20].lower() + line[20:] for line in lines]:
            client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n"
                           b'Proxy-Authenticate: Basic realm="proxy"\r\nContent-Length: 0\r\n\r\n')  # fmt: skip
            client.close()
            return
        host, port = lines[0].split()[1].rsplit(":", 1)
        origin = socket.create_connection((host, int(port)))
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        ways = [threading.Thread(target=self._pump, args=way, daemon=True) for way in ((client, origin), (origin, client))]
        [way.start() for way in ways]
        [way.join() for way in ways]

    @staticmethod
    def _pump(from_, to):
        try:
            while octets := from_.recv(65536):
                to.sendall(octets)
            to.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def stop(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


@pytest.fixture
def proxy():
    proxies = []

    def begin(*how):
        proxies.append(Proxy(*how))
        return proxies[-1]

    yield begin
    for one in proxies:
        one.stop()


def say(gateway, monkeypatch, verb, *words):
    """What the command does, as demo to the gateway."""
    monkeypatch.setenv("PROXY_PW", PASSWORD)
    monkeypatch.setenv("WRONG_PW", "open barley")
    monkeypatch.setenv("TOKENISH_PW", TOKENISH)
    monkeypatch.setenv("DEMO_PW", gateway.ready["password"])
    place = {"get": f"https://localhost:{gateway.port}/", "ws": f"wss://localhost:{gateway.port}/ws"}[verb]
    who = ("--ca", gateway.ca, "--user", "demo", "--password-env", "DEMO_PW")
    return command.gatepost(gateway.state, verb, place, *who, *words)


def test_everything_goes_through_it_and_proofs_stay_apart(start, proxy, monkeypatch):
    gateway = start()
    for asks in (False, True):
        way = proxy(asks)
        known = ("--proxy", way.url, "--proxy-user", "ali", "--proxy-password-env", "PROXY_PW", "--danger-plain-proxy")
        done = say(gateway, monkeypatch, "get", *known)
        assert done.returncode == 0, done.stderr
        done = say(gateway, monkeypatch, "ws", *known, "-d", "through it", "--count", "1")
        assert (done.returncode, done.stdout) == (0, "through it\n"), done.stderr
        target = f"localhost:{gateway.port}"
        assert {head[0] for head in way.heads} == {f"CONNECT {target} HTTP/1.1"}
        assert all(f"Host: {target}" in head for head in way.heads)
        said = [line for head in way.heads for line in head if "authorization" in line.lower()]
        # Nobody is told who we are before he asks, and the proxy hears nothing that is for the gateway.
        assert said == ([f"proxy-authorization: {PROOF}"] * len(said) if asks else [])
        assert bool(said) == asks


def test_what_it_is_not_told_and_what_it_refuses(start, proxy, monkeypatch):
    gateway, way = start(), proxy(True)
    known = ("--proxy", way.url, "--proxy-user", "ali", "--proxy-password-env")
    table = [
        (("--proxy", way.url), "407"),
        ((*known, "PROXY_PW"), "407"),
        ((*known, "WRONG_PW", "--danger-plain-proxy"), "407"),
    ]
    for words, why in table:
        for verb in ("get", "ws"):
            done = say(gateway, monkeypatch, verb, *words)
            assert done.returncode not in (0, 101) and "[GP-NET-022]" in done.stderr and why in done.stderr, done.stderr
    said = [line for head in way.heads for line in head if "authorization" in line.lower()]
    assert PROOF not in str(said), "over http the password goes only where that danger was named"
    assert PASSWORD not in str(way.heads)


def issued(gateway):
    """TLS with a certificate of the gateway's authority."""
    made = command.gatepost(gateway.state, "cert", "issue", "localhost", "--out", gateway.folder)
    assert made.returncode == 0, made.stderr
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(gateway.folder / "localhost.pem", gateway.folder / "localhost.key")
    return context


def test_over_tls_no_danger_has_to_be_named(start, proxy, monkeypatch):
    gateway = start()
    way = proxy(True, issued(gateway))
    done = say(gateway, monkeypatch, "get", "--proxy", way.url, "--proxy-user", "ali", "--proxy-password-env", "PROXY_PW")
    assert done.returncode == 0, done.stderr
    assert [head[0].split()[0] for head in way.heads] == ["CONNECT", "CONNECT"]
    # A pin is for the server: the proxy has another key, and need not have this one.
    shown = command.gatepost(gateway.state, "cert", "show", f"localhost:{gateway.port}", "--live", "--ca", gateway.ca, "--json")
    pin = json.loads(shown.stdout)["path"][0]["pin"]
    pinned = ("--proxy", way.url, "--proxy-user", "ali", "--proxy-password-env", "PROXY_PW", "--pin", pin)
    assert say(gateway, monkeypatch, "get", *pinned).returncode == 0
    # And what may be wrong with the server may not be wrong with the proxy.
    stranger = own_certificate(gateway.folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*stranger)
    false = proxy(True, context)
    lax = ("--proxy", false.url, "--proxy-user", "ali", "--proxy-password-env", "PROXY_PW")
    done = say(gateway, monkeypatch, "get", *lax, "--danger-ignore-cert-error", "untrusted")
    assert (done.returncode, false.heads) == (10, []), done.stderr


class Greedy(Proxy):
    """Would like the password as a token."""

    def _carry(self, client):
        client = self.context.wrap_socket(client, server_side=True)
        client.sendall(b'HTTP/1.1 407 No\r\nProxy-Authenticate: Bearer realm="x"\r\nContent-Length: 0\r\n\r\n')
        self.heads.append(client.recv(65536).decode())
        client.close()


def test_a_password_is_no_token(start, monkeypatch):
    gateway = start()
    greedy = Greedy(True, issued(gateway))
    known = ("--proxy", greedy.url, "--proxy-user", "ali", "--proxy-password-env", "TOKENISH_PW")
    done = say(gateway, monkeypatch, "get", *known)
    greedy.stop()
    assert done.returncode not in (0, 101) and "[GP-NET-022]" in done.stderr, done.stderr
    assert greedy.heads and "authorization" not in str(greedy.heads).lower() and TOKENISH not in str(greedy.heads)
