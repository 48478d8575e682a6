"""Negotiate with Kerberos, over HTTP and both ways: curl before our gateway, our client before Apache, and the two
of us, with tickets of MIT krb5's KDC."""

import base64
import http.client
import re
import select
import socketserver
import ssl
import subprocess
import threading

import command
import pytest
import wire
from apache import Apache
from gateway import Gateway
from kdc import PASSWORD, REALM
from peers import Recorder, free_port, own_certificate

ALICE = f"alice@{REALM}"
HELLO = "hello from www/negotiate\n"

CONFIG = """
workers = 1
[[listener]]
address = "127.0.0.1:0"
[[route]]
schemes = ["Negotiate"]
upstream = "{upstream}"
[auth]
channel_binding = "{binding}"
[auth.kerberos]
keytab = "{keytab}"
service = "{service}"
"""


@pytest.fixture
def realm(kdc, monkeypatch, tmp_path):
    """The realm's environment, for all that the test starts. Nobody has tickets."""
    for name, value in kdc.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{tmp_path}/tickets")
    return kdc


@pytest.fixture
def tickets(realm, tmp_path):
    """alice's, in the file where whoever is started looks for their own."""
    return realm.tickets(tmp_path / "tickets")


@pytest.fixture(scope="session")
def certified(tmp_path_factory):
    """A certificate for localhost, and its key."""
    return own_certificate(tmp_path_factory.mktemp("own"))


@pytest.fixture(scope="session")
def apache(kdc, certified):
    server = Apache(certified, [], kdc)
    yield server
    server.stop()


# Our client, their server.


@pytest.fixture
def get(tmp_path, apache, certified):
    """`gatepost get` of the place in Apache that is for whoever has a ticket."""
    words = ("get", apache.url + "/negotiate/", "--ca", certified[0], "--auth", "negotiate")
    return lambda *more, secret=None: command.gatepost(tmp_path / "state", *words, *more, secret=secret)


def password(secret=PASSWORD, user="alice"):
    return {"secret": secret}, ("--user", user, "--password-stdin")


@pytest.mark.parametrize("mutual", [(), ("--mutual",)])
@pytest.mark.parametrize("version", [(), ("--http1.1",)])
@pytest.mark.parametrize("who", ["password", "keytab", "cache", "ambient"])
def test_apache_believes_our_client(realm, tmp_path, get, who, version, mutual):
    options, words = {
        "password": password(),
        "keytab": ({}, ("--keytab", realm.user_keytab, "--principal", ALICE)),
        "cache": ({}, ("--kerberos-cache", tmp_path / "tickets")),
        "ambient": ({}, ("--ambient",)),
    }[who]
    if who in ("cache", "ambient"):
        realm.tickets(tmp_path / "tickets")
    came = get("-i", *words, *version, *mutual, **options)
    assert came.returncode == 0, came.stderr
    assert HELLO in came.stdout and f"x-user: {ALICE}\n" in came.stdout.replace("\r", "")


def test_a_body_goes_with_the_proof(realm, get):
    options, words = password()
    came = get("-i", "-d", "x" * 100_000, *words, **options)
    # Apache serves a file, and takes no body for it; what counts is who sent it.
    assert f"x-user: {ALICE}" in came.stdout, came.stderr


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("--ambient",), "GP-KERBEROS-009"),
        (("--kerberos-cache", "/nonexistent/tickets"), "GP-KERBEROS-009"),
        (("--keytab", "/nonexistent/keytab", "--principal", "alice"), "GP-KERBEROS-011"),
    ],
)
def test_our_client_says_what_it_lacks(realm, get, words, error):
    came = get(*words)
    assert came.returncode != 0 and came.stdout == ""
    assert f"[{error}]\nhint: " in came.stderr


def test_a_wrong_password_is_asked_of_the_kdc_once_and_of_nobody_else(realm, get):
    before = tried(realm)
    options, words = password("wrong")
    came = get("-v", *words, **options)
    assert came.returncode != 0 and HELLO not in came.stdout
    assert "the KDC refuses the client: Preauthentication failed" in came.stderr
    assert "with Negotiate" not in came.stderr and "wrong" not in came.stderr.replace("wrong password", "")
    assert tried(realm) == before + 1


def tried(kdc):
    """How many passwords the KDC has found to be wrong."""
    return (kdc.folder / "kdc.log").read_text().count("PREAUTH_FAILED")


def test_our_client_tells_nobody_else_who_runs_it(tickets, tmp_path, apache, certified):
    """A redirect to another port: another origin, which was not named."""
    answer = f"HTTP/1.1 302 Found\r\nLocation: {apache.url}/negotiate/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    elsewhere = Recorder(answer.encode())
    words = ("get", elsewhere.url, "--ca", certified[0], "--ambient", "-v", "--danger-plain-http")
    came = command.gatepost(tmp_path / "state", *words)
    elsewhere.stop()
    assert HELLO not in came.stdout
    assert "is not listed for the system's identity" in came.stderr


@pytest.fixture
def no_library(tmp_path, monkeypatch):
    """A library of the right name that is none, found first: as on a machine without Kerberos."""
    folder = tmp_path / "lib"
    folder.mkdir()
    (folder / "libgssapi_krb5.so.2").write_bytes(b"")
    monkeypatch.setenv("LD_LIBRARY_PATH", str(folder))


def test_without_the_library_our_client_says_so_in_one_sentence(no_library, realm, tmp_path, get):
    assert command.run(tmp_path, "--version").returncode == 0
    came = get("--ambient")
    error, hint = came.stderr.splitlines()
    assert error.startswith("error: Kerberos needs the system's GSSAPI library, and none was found (looked for ")
    assert error.endswith("[GP-KERBEROS-001]") and hint == "hint: install it; on Debian: `apt install libgssapi-krb5-2`"


def test_without_a_kdc_our_client_says_so(realm, get, monkeypatch):
    monkeypatch.setenv("KRB5_CONFIG", str(realm.client_config("gone.conf", free_port())))
    came = get("--keytab", realm.user_keytab, "--principal", ALICE)
    assert "error: no KDC can be reached: " in came.stderr and "[GP-KERBEROS-006]" in came.stderr


# Their client, our server.


@pytest.fixture
def serve(realm, start, tmp_path, recorder):
    """Starts the gateway with the realm's keytab, before the recorder."""

    def begin(binding="checked", service="HTTP/localhost", keytab=None):
        path = tmp_path / f"{binding}.toml"
        words = {"upstream": recorder.url, "keytab": keytab or realm.keytab, "service": service, "binding": binding}
        path.write_text(CONFIG.format(**words))
        return start("--config", path, "-v")

    return begin


def curl(gateway, *words, host="localhost"):
    """The status, the head of the last answer, and what curl says of its way."""
    ran = subprocess.run(
        ["curl", "-sSv", "-D", "-", "-o", "/dev/null", "--cacert", gateway.ca, "--negotiate", "-u", ":", *words,
         f"https://{host}:{gateway.port}/"],
        capture_output=True, text=True, timeout=30, check=False,
    )
    heads = ran.stdout.split("\n\n") if "\r" not in ran.stdout else ran.stdout.split("\r\n\r\n")
    last = [head for head in heads if head.strip()][-1]
    return int(last.split()[1]), last.lower(), ran.stderr


def users(recorder):
    return [value.strip() for name, value in recorder.fields() if name.lower() == "x-gatepost-user"]


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_curl_comes_in(tickets, serve, recorder, version):
    gateway = serve()
    status, head, _ = curl(gateway, version)
    assert status == 200, gateway.errors()
    assert users(recorder) == [ALICE]
    # The last leg: we prove ourselves, too.
    assert "www-authenticate: negotiate o" in head
    assert not [name for name, _ in recorder.fields() if name.lower() == "authorization"]


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_curl_without_tickets_stays_out(realm, serve, recorder, version):
    gateway = serve()
    assert curl(gateway, version)[0] == 401
    assert recorder.heads == []


def test_a_ticket_for_another_service_is_refused(tickets, serve, recorder):
    gateway = serve()
    assert curl(gateway, host="127.0.0.1")[0] == 401
    assert recorder.heads == []
    assert "the token is not acceptable" in gateway.errors()


def test_a_service_without_a_host_takes_each_of_its_keys(tickets, serve, recorder):
    gateway = serve(service="HTTP")
    assert [curl(gateway, host=host)[0] for host in ("localhost", "127.0.0.1")] == [200, 200]


def test_a_token_is_taken_once(tickets, serve, recorder):
    gateway = serve()
    said = curl(gateway, "--http1.1")[2]
    token = re.findall(r"(?i)^> authorization: (negotiate \S+)", said, re.MULTILINE)[-1]
    answer = wire.exchange(gateway, wire.head(fields=[("Host", "localhost"), ("Authorization", token)]))
    assert wire.status(answer) == 401
    assert len(recorder.heads) == 1
    assert "the token was used before" in gateway.errors()


@pytest.mark.parametrize(
    "token", [b"", b"x", b"NTLMSSP\0\x01", b"\x60\x06\x06\x02\x2b\x06\x00\x00", b"\x60\x82\xff\xff" + b"\0" * 9000]
)
def test_junk_is_refused_and_the_gateway_lives(tickets, serve, recorder, token):
    gateway = serve()
    value = "Negotiate " + base64.b64encode(token).decode()
    answer = wire.exchange(gateway, wire.head(fields=[("Host", "localhost"), ("Authorization", value)]))
    assert wire.status(answer) in (400, 401)
    assert curl(gateway)[0] == 200


def test_bindings_can_be_demanded(tickets, serve, tmp_path, recorder):
    """Debian's curl binds its proof to no channel; ours does."""
    gateway = serve("required")
    assert curl(gateway)[0] == 401
    assert recorder.heads == []
    words = ("get", f"https://localhost:{gateway.port}/", "--ca", gateway.ca, "--ambient", "--mutual")
    came = command.gatepost(tmp_path / "state", *words)
    assert (came.returncode, came.stdout) == (0, "recorded"), came.stderr
    assert users(recorder) == [ALICE]


def test_a_ticket_that_is_relayed_is_bound_to_the_wrong_channel(tickets, serve, tmp_path, recorder, own):
    """Somebody in the middle, whom our client trusts, hands the proof on: the certificate is not ours."""
    gateway = serve()
    middle = Middle(own, gateway)
    words = ("get", middle.url, "--ca", own[0], "--ambient", "--http1.1")
    came = command.gatepost(tmp_path / "state", *words)
    middle.stop()
    assert came.returncode != 0 and recorder.heads == []
    assert "the token is bound to another channel" in gateway.errors()


class Middle:
    """Takes TLS with its own certificate, and passes what is inside to the gateway, octet for octet."""

    def __init__(self, own, gateway):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*own)

        class Passing(socketserver.BaseRequestHandler):
            def handle(self):
                with context.wrap_socket(self.request, server_side=True) as inner, wire.connect(gateway) as outer:
                    passed({inner: outer, outer: inner})

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Passing)
        self.url = f"https://localhost:{self.server.server_address[1]}/"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)


def passed(ends):
    """Until one end closes. In one thread: OpenSSL's connections are not for two."""
    try:
        while ready := [end for end in ends if end.pending()] or select.select(list(ends), [], [], 20)[0]:
            for end in ready:
                end.settimeout(0)
                try:
                    octets = end.recv(65536)
                except ssl.SSLWantReadError:
                    continue  # A ticket, or half a record.
                if not octets:
                    return
                ends[end].settimeout(20)
                ends[end].sendall(octets)
    except OSError:
        pass


def test_a_gateway_without_its_keys_does_not_start(realm, serve, tmp_path):
    for words, error in (
        ({"keytab": "/nonexistent/keytab"}, "GP-KERBEROS-011"),
        ({"keytab": realm.user_keytab}, "GP-KERBEROS-011"),
        ({"service": "HTTP/elsewhere.test"}, "GP-KERBEROS-011"),
    ):
        with pytest.raises(AssertionError, match=error):
            serve(**words)


def test_a_gateway_without_the_library_starts_unless_it_has_a_keytab(no_library, serve, start):
    assert start().port
    with pytest.raises(AssertionError, match="GP-KERBEROS-001"):
        serve()


# Our gateway, their upstream.


def test_the_gateway_proves_itself_to_its_upstream(realm, tmp_path, apache):
    credential = f'{{ user = "{ALICE}", keytab = "{realm.user_keytab}" }}'
    config = tmp_path / "g.toml"
    config.write_text(
        "workers = 1\n[[listener]]\naddress = \"127.0.0.1:0\"\ntls = false\n[[route]]\nschemes = []\n"
        f'upstream = "{apache.plain_url}"\nupstream_credential = {credential}\n'
        "[danger]\nno_auth = true\nplain_listeners = true\n"
    )
    gateway = Gateway(tmp_path / "gateway", "--config", config).start()
    try:
        for _ in range(3):
            connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
            connection.request("GET", "/negotiate/")
            answer = connection.getresponse()
            assert (answer.status, answer.read().decode()) == (200, HELLO), gateway.errors() + apache.errors()
            assert answer.getheader("X-User") == ALICE
            connection.close()
    finally:
        gateway.stop()
