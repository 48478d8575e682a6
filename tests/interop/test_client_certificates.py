"""Certificates of clients, made by OpenSSL, shown by curl, OpenSSL and Python."""

import base64
import http.client
import ssl
import subprocess
import time

import pytest
from authority import Authority, openssl
from gateway import until

CLIENT = ("basicConstraints=critical,CA:FALSE", "extendedKeyUsage=clientAuth")
CONFIG = """
[danger]
no_auth = true
[[listener]]
address = "127.0.0.1:0"
certificate = "{server}"
key = "{key}"
client_certificate = "request"
client_ca = "{ca}"

[[route]]
schemes = []
upstream = "{upstream}"

[[route]]
path = "/must"
schemes = []
client_certificate = "require"
client_ca = "{ca}"
client_revocation = "{crl}"
forward_certificate = "chain"
upstream = "{upstream}"

[[route]]
path = "/who"
schemes = ["Certificate"]
upstream = "{upstream}"

[[route]]
host = "guarded.test"
schemes = []
client_certificate = "require"
upstream = "{upstream}"

[[auth.certificate.rule]]
from = "uri"
is = "spiffe://example.test/ali"
user = "ali"
[[auth.certificate.rule]]
from = "subject"
users = {{ '{subject}' = "eve" }}
[[auth.certificate.rule]]
from = "email"
"""


class World:
    """An authority with one below it, the certificates of some clients, and a gateway before a recorder."""

    def __init__(self, folder, start, recorder):
        self.root = Authority(folder)
        self.middle = Authority(folder, self.root)
        self.folder, self.recorder = folder, recorder
        server, key = self.root.leaf(("DNS:localhost", "DNS:guarded.test"))
        self.ali = self.client(["URI:spiffe://example.test/ali"], "Ali, O=Evil")
        self.eve = self.client([], 'Eve "the third", +1')
        self.tom = self.client(["email:Tom@EXAMPLE.test"], "tom")
        self.bob = self.client([], "bob")
        self.crl = folder / "lists.pem"
        self.revoke(self.client([], "gone"))
        # The name as OpenSSL writes it is the name that a rule has.
        name = openssl("x509", "-in", self.eve[0], "-noout", "-subject", "-nameopt", "RFC2253").strip()
        text = CONFIG.format(
            server=server, key=key, ca=self.root.cert, crl=self.crl, upstream=recorder.url, subject=name.removeprefix("subject="),
        )  # fmt: skip
        self.config = folder / "gatepost.toml"
        self.config.write_text(text)
        self.gateway = start("--config", self.config, "-v")

    def client(self, names, common, **how):
        """A chain and its key; OpenSSL wants commas and plus signs of a name escaped."""
        escaped = common.replace("+", "\\+").replace("/", "\\/")
        cert, key = self.middle.leaf(names, CLIENT, escaped, **how)
        chain = cert.with_name("chain.pem")
        chain.write_text(cert.read_text() + self.middle.chain())
        return chain, key

    def revoke(self, client):
        """Takes a client's certificate back; both authorities have a list."""
        leaf = client[0].with_name("cert.pem")
        ours = self.middle.revoke(leaf).read_text()
        words = ["ca", "-config", self.root.folder / "ca.cnf", "-cert", self.root.cert, "-keyfile", self.root.key]
        openssl(*words, "-gencrl", "-out", self.root.folder / "list.pem")
        self.crl.write_text(ours + (self.root.folder / "list.pem").read_text())

    def curl(self, path, client=None, *words):
        shown = ("--cert", client[0], "--key", client[1]) if client else ()
        done = subprocess.run(
            ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--noproxy", "*", "--cacert", self.root.cert,
             "--resolve", f"localhost:{self.gateway.port}:127.0.0.1",
             "--resolve", f"guarded.test:{self.gateway.port}:127.0.0.1",
             *map(str, shown), *map(str, words), f"https://localhost:{self.gateway.port}{path}"],
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        return done.stdout if done.returncode == 0 else f"curl {done.returncode}"

    def connect(self, client=None, name="localhost", session=None, **bounds):
        """A connection of Python's, to be asked by hand."""
        context = ssl.create_default_context(cafile=self.root.cert)
        for bound, value in bounds.items():
            setattr(context, bound, value)
        if client:
            context.load_cert_chain(*client)
        if name is None:
            context.check_hostname = False
        connection = http.client.HTTPSConnection("127.0.0.1", self.gateway.port, timeout=10, context=context)
        http.client.HTTPConnection.connect(connection)
        connection.sock = context.wrap_socket(connection.sock, server_hostname=name, session=session)
        return connection

    def seen(self, name):
        return [value.strip() for field, value in self.recorder.fields() if field.lower() == name]


def ask(connection, path="/", host="localhost"):
    connection.request("GET", path, headers={"Host": host})
    answer = connection.getresponse()
    answer.read()
    return answer.status


@pytest.fixture
def world(tmp_path, start, recorder):
    recorder.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nrecorded"
    return World(tmp_path, start, recorder)


def der(cert):
    return base64.b64encode(ssl.PEM_cert_to_DER_cert(cert.read_text())).decode()


def test_who_comes_where(world):
    for limit in ("1.2", "1.3"):
        words = ("--tls-max", limit)
        assert [world.curl(path, world.ali, *words) for path in ("/", "/must", "/who")] == ["200", "200", "200"]
        assert [world.curl(path, None, *words) for path in ("/", "/must", "/who")] == ["200", "403", "403"]
        assert [world.curl(path, world.bob, *words) for path in ("/", "/must", "/who")] == ["200", "200", "403"]
        # Somebody else's authority ends the handshake.
        stranger = Authority(world.folder).leaf((), CLIENT)
        assert world.curl("/", stranger, *words).startswith("curl ")
    assert "no certificate was shown" in world.gateway.errors()
    assert "no rule knows subject `CN=bob`" in world.gateway.errors()


def test_rules_say_who_it_is(world):
    for client, name in ((world.ali, "ali"), (world.eve, "eve"), (world.tom, "email:Tom@example.test")):
        assert world.curl("/who", client, "-H", "X-Gatepost-User: root") == "200"
        assert world.seen("x-gatepost-user") == [name]


def test_the_upstream_is_told_the_truth(world):
    forged = ("-H", "Client-Cert: :AAAA:", "-H", "client_cert: :AAAA:", "-H", "Client-Cert-Chain: :AAAA:", "-H", "X-Forwarded-Client-Cert: x")
    assert world.curl("/must", world.ali, *forged) == "200"
    assert world.seen("client-cert") == [f":{der(world.ali[0].with_name('cert.pem'))}:"]
    assert world.seen("client-cert-chain") == [f":{der(world.middle.cert)}:"]
    names = {name.lower() for name, _ in world.recorder.fields()}
    assert not names & {"client_cert", "x-forwarded-client-cert"}
    # Where it is not forwarded nobody can forge it either.
    assert world.curl("/", world.ali, *forged) == "200"
    assert world.seen("client-cert") == world.seen("client-cert-chain") == []


def test_neither_names_nor_hosts_lead_around_it(world):
    guarded = f"guarded.test:{world.gateway.port}"
    for client in (None, world.ali):
        assert ask(world.connect(client), host=guarded) == 421
    assert ask(world.connect(world.ali, "guarded.test"), host=guarded) == 200
    assert ask(world.connect(None, "guarded.test"), host=guarded) == 403
    # No name at all is no way in: what was shown counts.
    assert ask(world.connect(None, None), host=guarded) == 403
    assert ask(world.connect(world.ali, None), host=guarded) == 200
    assert world.curl("/", None, "-H", f"Host: {guarded}") == "421"
    assert world.curl("/", None, "-H", f"Host: {guarded}", "--http1.1") == "421"


def test_what_is_taken_back_is_refused_on_connections_that_stand(world):
    connection = world.connect(world.ali)
    assert ask(connection, "/must") == 200
    world.revoke(world.ali)
    until("the new list is in force", lambda: ask(connection, "/must") == 403, seconds=5)
    assert ask(connection, "/") == 200
    assert ask(world.connect(world.bob), "/must") == 200


def test_openssl_meets_the_listener(world):
    def s_client(*words):
        done = subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{world.gateway.port}", "-servername", "localhost", "-CAfile", world.root.cert,
             "-verify_return_error", *map(str, words)],
            input="GET /must HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        return done.stdout + done.stderr

    for version in ("-tls1_2", "-tls1_3"):
        shown = ("-cert", world.ali[0].with_name("cert.pem"), "-key", world.ali[1], "-cert_chain", world.middle.cert)
        assert "HTTP/1.1 200 OK" in s_client(version, "-ign_eof", *shown), version
        assert "HTTP/1.1 403 Forbidden" in s_client(version, "-ign_eof"), version
    assert "Acceptable client certificate CA names" in s_client("-tls1_2")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_ends_with_the_certificate_that_began_it(tmp_path, start, version):
    import command

    gateway = start()
    authority = Authority(tmp_path)
    folder = tmp_path / "issued"
    folder.mkdir()

    def said(*words):
        done = command.gatepost(gateway.state, *words)
        assert done.returncode == 0, done.stderr

    said("cert", "issue", "again.test", "--out", folder)
    terms = ("--client-cert", "require", "--client-ca", authority.cert, "--tickets", "on")
    said("cert", "bind", f"again.test:{gateway.port}", "--cert", folder / "again.test.pem", "--key", folder / "again.test.key", *terms)
    end = time.time() + 4
    client = authority.leaf((), CLIENT, "brief", end=time.strftime("%y%m%d%H%M%SZ", time.gmtime(end)))
    context = ssl.create_default_context(cafile=gateway.ca)
    context.minimum_version = context.maximum_version = version
    context.load_cert_chain(*client)

    def begin(session=None):
        connection = http.client.HTTPSConnection("127.0.0.1", gateway.port, timeout=10, context=context)
        http.client.HTTPConnection.connect(connection)
        try:
            connection.sock = context.wrap_socket(connection.sock, server_hostname="again.test", session=session)
            status = ask(connection, host=f"again.test:{gateway.port}")
        except (OSError, http.client.HTTPException):
            return None
        return status, connection.sock.session_reused, connection.sock.session

    first = until("the binding is shown", lambda: begin(), seconds=3)
    assert first[:2] == (401, False)
    again = begin(first[2])
    assert again[:2] == (401, True)
    until("the certificate has ended", lambda: time.time() > end + 1, seconds=10)
    assert begin(again[2]) is None and begin() is None
