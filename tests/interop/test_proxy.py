"""Through an HTTP proxy by CONNECT, with and without a proof for it: requests and WebSockets."""

import base64
import socket
import ssl
import threading

import command
import pytest

PASSWORD = "open sesame"
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
            client = self.context.wrap_socket(client, server_side=True)
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


def test_over_tls_no_danger_has_to_be_named(start, proxy, monkeypatch):
    gateway = start()
    made = command.gatepost(gateway.state, "cert", "issue", "localhost", "--out", gateway.folder)
    assert made.returncode == 0, made.stderr
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(gateway.folder / "localhost.pem", gateway.folder / "localhost.key")
    way = proxy(True, context)
    done = say(gateway, monkeypatch, "get", "--proxy", way.url, "--proxy-user", "ali", "--proxy-password-env", "PROXY_PW")
    assert done.returncode == 0, done.stderr
    assert [head[0].split()[0] for head in way.heads] == ["CONNECT", "CONNECT"]
