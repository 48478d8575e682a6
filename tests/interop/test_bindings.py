"""Bindings with terms of their own, as curl, OpenSSL and Python's ssl meet them."""

import http.client
import ssl
import subprocess
import time

import command
import pytest
from gateway import until

TERMS = {
    "plain.test": (),
    "new.test": ("--min-tls", "1.3"),
    "old.test": ("--max-tls", "1.2"),
    "one.test": ("--http2", "off"),
    "fresh.test": ("--tickets", "off"),
}


def said(gateway, *words):
    done = command.gatepost(gateway.state, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def issue(gateway, name, *words):
    """A certificate of the gateway's authority; the files."""
    folder = gateway.folder / name
    folder.mkdir()
    said(gateway, "cert", "issue", name, "--out", folder, *words)
    return folder / f"{name}.pem", folder / f"{name}.key"


def bind(gateway, name, *terms):
    cert, key = issue(gateway, name)
    said(gateway, "cert", "bind", f"{name}:{gateway.port}", "--cert", cert, "--key", key, *terms)


def s_client(gateway, name, *words):
    """What `openssl s_client` saw: its exit code and all its words."""
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{gateway.port}", "-servername", name, "-CAfile", gateway.ca,
         "-verify_return_error", "-verify_hostname", name, *map(str, words)],
        input="", capture_output=True, text=True, timeout=30, check=False,
    )
    return done.returncode, done.stdout + done.stderr


def curl(gateway, name, *words):
    done = subprocess.run(
        ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code} %{http_version}", "--cacert", gateway.ca,
         "--resolve", f"{name}:{gateway.port}:127.0.0.1", *map(str, words), f"https://{name}:{gateway.port}/"],
        capture_output=True, text=True, timeout=30, check=False,
    )
    return done.returncode, done.stdout


@pytest.fixture
def bound(start):
    """A gateway with a binding for each set of terms."""
    gateway = start()
    for name, terms in TERMS.items():
        bind(gateway, name, *terms)
    said(gateway, "cert", "bind", f"gone.test:{gateway.port}", "--reject")
    until("the last binding is shown", lambda: s_client(gateway, "fresh.test")[0] == 0)
    return gateway


def test_openssl_meets_the_terms_of_each_name(bound):
    def version(name, *words):
        code, text = s_client(bound, name, *words)
        if code:
            return "alert" if "alert" in text else text
        return next(word for word in ("TLSv1.3", "TLSv1.2") if f"New, {word}" in text)

    assert version("plain.test") == version("new.test") == "TLSv1.3"
    assert version("plain.test", "-tls1_2") == version("old.test") == "TLSv1.2"
    assert version("new.test", "-tls1_2") == version("old.test", "-tls1_3") == "alert"
    assert "ALPN protocol: h2" in s_client(bound, "plain.test", "-alpn", "h2,http/1.1")[1]
    assert "ALPN protocol: http/1.1" in s_client(bound, "one.test", "-alpn", "h2,http/1.1")[1]
    assert "TLS session ticket:" in s_client(bound, "plain.test", "-tls1_2")[1]
    assert "TLS session ticket:" not in s_client(bound, "fresh.test", "-tls1_2")[1]


def test_a_reject_ends_the_connection_before_a_certificate(bound):
    for words in ((), ("-tls1_2",)):
        code, text = s_client(bound, "gone.test", *words)
        assert code and "no peer certificate available" in text and "BEGIN CERTIFICATE" not in text, text


def test_curl_meets_them_too(bound):
    assert curl(bound, "plain.test") == (0, "401 2")
    assert curl(bound, "one.test") == (0, "401 1.1")
    assert curl(bound, "new.test", "--tls-max", "1.2")[0] == 35
    assert curl(bound, "gone.test")[0] == 35


def test_clients_show_certificates(start):
    gateway = start()
    cert, key = issue(gateway, "ali", "--client")
    for name, when, hints in (("must.test", "require", "on"), ("may.test", "request", "off")):
        bind(gateway, name, "--client-cert", when, "--client-ca", gateway.ca, "--client-ca-hints", hints)
    until("the last binding is shown", lambda: s_client(gateway, "may.test")[0] == 0)
    shown = ("--cert", cert, "--key", key)
    assert curl(gateway, "must.test", *shown) == curl(gateway, "may.test", *shown) == (0, "401 2")
    assert curl(gateway, "may.test") == (0, "401 2")
    for limit in ("1.2", "1.3"):
        assert curl(gateway, "must.test", "--tls-max", limit)[0] != 0
    # Neither another Host nor the name of another binding gets around it.
    for name in ("may.test", "localhost"):
        misdirected = curl(gateway, name, *shown, "-H", f"Host: must.test:{gateway.port}", "--http1.1")
        assert misdirected == (0, "421 1.1")
    server = issue(gateway, "server.test")
    assert curl(gateway, "must.test", "--cert", server[0], "--key", server[1])[0] != 0
    assert "Acceptable client certificate CA names" in s_client(gateway, "must.test", "-tls1_2")[1]
    assert "No client certificate CA names sent" in s_client(gateway, "may.test", "-tls1_2")[1]


def test_our_client_shows_its_certificate_where_it_is_asked(start):
    gateway = start()
    cert, key = issue(gateway, "ali", "--client")
    bind(gateway, "localhost", "--client-cert", "require", "--client-ca", gateway.ca)
    whole = gateway.folder / "whole.pem"
    whole.write_text(cert.read_text() + key.read_text())

    def asked(*words, verb="get", scheme="https", path=""):
        place = f"{scheme}://localhost:{gateway.port}/{path}"
        return command.gatepost(gateway.state, verb, place, "--ca", gateway.ca, *words).returncode

    until("the binding is in force", lambda: asked() not in (0, 8))
    # With it TLS stands, and who it is remains to be proved.
    assert asked("--client-cert", cert, "--client-key", key) == 8
    assert asked("--client-cert", whole, "--http1.1") == 8
    assert asked("--client-cert", whole, verb="ws", scheme="wss", path="ws") == 8
    # Somebody else's key, and none.
    server = issue(gateway, "other.test")
    assert asked("--client-cert", cert, "--client-key", server[1]) == 3
    assert asked("--client-cert", cert) == 3


def test_a_swap_drops_no_connection_and_is_seen_at_the_next(start, figure):
    gateway = start()
    bind(gateway, "swap.test")
    context = ssl.create_default_context(cafile=gateway.ca)

    class Named(http.client.HTTPSConnection):
        """Reaches the gateway under a name that no resolver knows."""

        def connect(self):
            http.client.HTTPConnection.connect(self)
            self.sock = context.wrap_socket(self.sock, server_hostname="swap.test")

        def ask(self):
            self.request("GET", "/", headers={"Host": f"swap.test:{gateway.port}"})
            answer = self.getresponse()
            answer.read()
            return answer.status

    def connect():
        connection = Named("127.0.0.1", gateway.port)
        try:
            connection.connect()
        except OSError:
            return None
        return connection

    lasting = until("the binding is shown", connect)
    before = lasting.sock.getpeercert(binary_form=True)
    assert lasting.ask() == 401
    folder = gateway.folder / "next"
    folder.mkdir()
    said(gateway, "cert", "issue", "swap.test", "--out", folder)
    key = ("--key", folder / "swap.test.key")
    said(gateway, "cert", "rebind", f"swap.test:{gateway.port}", "--cert", folder / "swap.test.pem", *key)
    begin = time.monotonic()

    def is_new():
        return connect().sock.getpeercert(binary_form=True) != before

    until("the next handshake shows the new certificate", is_new, seconds=2.0)
    figure("a swap is seen after", f"{time.monotonic() - begin:.2f} s")
    assert lasting.ask() == 401
    assert lasting.sock.getpeercert(binary_form=True) == before
