"""`gatepost socket` with programs that others wrote: Debian's servers with STARTTLS, a SOCKS proxy, and clients of what it
listens for."""

import contextlib
import imaplib
import json
import poplib
import re
import smtplib
import socket
import ssl
import struct
import subprocess
import threading

import command
import pytest
import starttls
from authority import Authority
from gateway import until

TLS_FAILED, PEER, UNFINISHED = 10, 7, 13
LIMIT = 30


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def leaf(root):
    return root.leaf()


@pytest.fixture(scope="module")
def server(leaf):
    """Starts Debian's server of a protocol, once for all tests of this file."""
    running = {}

    def of(name):
        if name not in running:
            running[name] = starttls.ALL[name](leaf)
        return running[name]

    yield of
    for one in running.values():
        one.stop()


@pytest.fixture
def peer():
    """Ends what a test starts."""
    with contextlib.ExitStack() as stack:
        yield lambda one: (stack.callback(one.stop), one)[1]


def gatepost(*words, said=b"", env=None):
    """Runs it to its end: the code, and what it said, as octets."""
    return subprocess.run(
        [command.binary(), *map(str, words)], input=said, capture_output=True, timeout=LIMIT, check=False, env=env
    )


class Listening:
    """A `gatepost socket listen`."""

    def __init__(self, *words):
        arguments = [command.binary(), "socket", "listen", "127.0.0.1:0", *map(str, words)]
        self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        line = self.process.stderr.readline().decode()
        self.port = int(re.search(r"127\.0\.0\.1:(\d+)", line)[1])

    def stop(self):
        self.process.kill()
        self.process.wait(10)
        self.process.stderr.close()


def mysql_login():
    """A HandshakeResponse41 of nobody; it is the third packet of the conversation."""
    body = struct.pack("<IIB23x", 0x0200 | 0x0800 | 0x8000, 1 << 24, 45) + b"demo\0" + b"\0"
    return len(body).to_bytes(3, "little") + b"\2" + body


POSTGRES_LOGIN = b"\0\3\0\0user\0demo\0database\0postgres\0\0"
XMPP_OPEN = b"<stream:stream to='localhost' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"

# What is said behind TLS, and what comes back only there.
TALK = {
    "smtp": (b"EHLO x\r\nQUIT\r\n", b"221 localhost closing"),
    "imap": (b"x LOGIN demo sesame\r\ny LOGOUT\r\n", b"x OK"),
    "pop3": (b"USER demo\r\nPASS sesame\r\nQUIT\r\n", b"+OK Logged in"),
    "ftp": (b"USER anonymous\r\nQUIT\r\n", b"331 Please specify the password"),
    "xmpp": (XMPP_OPEN + b"</stream:stream>", b"PLAIN</mechanism>"),
    "ldap": (b"\x30\x0c\2\1\2\x60\7\2\1\3\4\0\x80\0", b"\2\1\2\x61\7\x0a\1\0"),
    "postgres": (struct.pack(">I", len(POSTGRES_LOGIN) + 4) + POSTGRES_LOGIN + b"X\0\0\0\4", b"R\0\0\0\x08\0\0\0\0"),
    "mysql": (mysql_login() + b"\1\0\0\0\1", b"\7\0\0\3\0\0\0"),
}


@pytest.mark.parametrize("name", starttls.ALL)
def test_from_the_clear_to_tls_with_a_real_server(server, root, leaf, name, tmp_path):
    place = (f"localhost:{server(name).port}", "--starttls", name)
    said, expected = TALK[name]
    words = [command.binary(), "socket", "connect", *place, "--ca", str(root.cert), "-v", "--max-time", "20s"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(words, bufsize=0, **pipes) as client:
        client.stdin.write(said)
        heard = b""
        while expected not in heard and (more := client.stdout.read(65536)):
            heard += more
        client.stdin.close()
        told = client.stderr.read()
    assert expected in heard and b"* TLSv1.3, TLS_" in told, (heard, told)
    # Some hang up without a word, and some reset the connection.
    assert client.returncode in (0, PEER, UNFINISHED), told

    # OpenSSL comes to the same certificate.
    seen = json.loads(gatepost("socket", "connect", *place, "--ca", root.cert, "--check", "--json").stdout)
    assert (seen["starttls"], seen["tls"]["resumed"]) == (name, False)
    words = ["openssl", "s_client", "-connect", f"127.0.0.1:{server(name).port}", "-starttls", name, "-CAfile", root.cert,
             "-verify_hostname", "localhost", "-verify_return_error"]  # fmt: skip
    if name == "xmpp":
        words += ["-name", "localhost"]
    theirs = subprocess.run(words, input=b"", capture_output=True, timeout=LIMIT, check=False).stdout.decode(errors="replace")
    assert "BEGIN CERTIFICATE" in theirs, theirs
    pem = theirs[theirs.index("-----BEGIN") : theirs.index("-----END CERTIFICATE-----")] + "-----END CERTIFICATE-----\n"
    shown = tmp_path / "shown.pem"
    shown.write_text(pem)
    assert seen["tls"]["peer"][0]["sha256"] == json.loads(gatepost("cert", "show", shown, "--json").stdout)["sha256"]
    live = gatepost("cert", "show", "--live", *place, "--ca", root.cert, "--json")
    assert (live.returncode, json.loads(live.stdout)["flaws"]) == (0, []), live.stderr


@pytest.mark.parametrize("name", starttls.ALL)
def test_a_stranger_hears_nothing_behind_tls(server, root, name, tmp_path):
    place = (f"localhost:{server(name).port}", "--starttls", name)
    other = Authority(tmp_path)
    for words, flaw in [
        (("--ca", other.cert), b"[GP-TLS-003]"),
        # XMPP asks for the domain in the clear, and this server has no other one.
        (("--ca", root.cert, "--server-name", "other.test"), b"[GP-STARTTLS-003]" if name == "xmpp" else b"[GP-TLS-004]"),
        (("--ca", root.cert, "--pin", f"spki-sha256:{'00' * 32}"), b"[GP-TLS-014]"),
    ]:
        done = gatepost("socket", "connect", *place, *words, said=TALK[name][0])
        assert (done.returncode, done.stdout) == (TLS_FAILED, b"") and flaw in done.stderr, done.stderr


class Between:
    """Somebody on the way who changes what the server says, and keeps what the client says."""

    def __init__(self, port, change):
        self.port_there, self.change, self.heard = port, change, b""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._carry, daemon=True).start()

    def _carry(self):
        client, _ = self.listener.accept()
        there = socket.create_connection(("127.0.0.1", self.port_there))
        threading.Thread(target=self._back, args=(there, client), daemon=True).start()
        with contextlib.suppress(OSError):
            while octets := client.recv(65536):
                self.heard += octets
                there.sendall(octets)
            there.shutdown(socket.SHUT_WR)

    def _back(self, there, client):
        with contextlib.suppress(OSError):
            while octets := there.recv(65536):
                client.sendall(self.change(octets))
            client.shutdown(socket.SHUT_WR)

    def stop(self):
        self.listener.close()


# What the leave of each server has in it.
LEAVE = {"smtp": b"220 TLS", "imap": b"a2 OK", "pop3": b"Begin TLS", "ftp": b"234", "xmpp": b"proceed", "ldap": b"", "postgres": b"S", "mysql": b""}  # fmt: skip


@pytest.mark.parametrize("name", starttls.ALL)
def test_somebody_who_puts_words_behind_the_leave(server, root, peer, name):
    injected = b"250 2.0.0 this was put here\r\n"
    between = peer(Between(server(name).port, lambda octets: octets + (injected if LEAVE[name] in octets else b"")))
    place = (f"localhost:{between.port}", "--starttls", name, "--ca", root.cert)
    done = gatepost("socket", "connect", *place, said=b"secret")
    assert (done.returncode, done.stdout) == (TLS_FAILED, b"") and b"[GP-STARTTLS-001]" in done.stderr, done.stderr
    assert b"\x16\x03" not in between.heard and b"secret" not in between.heard


# What is taken out of what a server says, so that nothing is on offer.
OFFER = {"smtp": (b"250-STARTTLS\r\n", b""), "imap": (b" STARTTLS", b""), "pop3": (b"STLS\r\n", b""), "ftp": (b"234 ", b"502 "), "xmpp": (b"urn:ietf:params:xml:ns:xmpp-tls", b"x"), "postgres": (b"S", b"N")}  # fmt: skip


@pytest.mark.parametrize("name", OFFER)
def test_somebody_who_takes_the_offer_away(server, root, peer, name):
    between = peer(Between(server(name).port, lambda octets: octets.replace(*OFFER[name])))
    place = (f"localhost:{between.port}", "--starttls", name, "--ca", root.cert)
    done = gatepost("socket", "connect", *place, said=b"secret")
    assert (done.returncode, done.stdout) == (TLS_FAILED, b"") and b"[GP-STARTTLS-00" in done.stderr, done.stderr
    assert b"secret" not in between.heard


def test_through_a_socks_proxy_as_curl_goes(start, peer, leaf, monkeypatch):
    gateway = start()
    monkeypatch.setenv("SOCKS_PW", "open sesame")
    monkeypatch.setenv("WRONG_PW", "open barley")
    monkeypatch.setenv("DEMO_PW", gateway.ready["password"])
    target = f"localhost:{gateway.port}"
    demo = ("--ca", gateway.ca, "--user", "demo", "--password-env", "DEMO_PW")
    for login in (None, ("ali", "open sesame")):
        proxy = peer(starttls.microsocks(leaf, login))
        url = f"socks5://127.0.0.1:{proxy.port}"
        way = ("--proxy", url)
        if login:
            way += ("--proxy-user", "ali", "--proxy-password-env", "SOCKS_PW", "--danger-plain-proxy")
        theirs = subprocess.run(
            ["curl", "-sS", "--cacert", gateway.ca, "--socks5-hostname", f"127.0.0.1:{proxy.port}", "-u",
             f"demo:{gateway.ready['password']}", *(["--proxy-user", ":".join(login)] if login else []), f"https://{target}/"],
            capture_output=True, timeout=LIMIT, check=False,
        )  # fmt: skip
        ours = gatepost("get", f"https://{target}/", *demo, *way)
        assert (ours.returncode, theirs.returncode) == (0, 0), (ours.stderr, theirs.stderr)
        assert b'"demo"' in ours.stdout and b'"demo"' in theirs.stdout, "who asked is seen at the other end"
        spoken = gatepost("ws", f"wss://{target}/ws", *demo, *way, "-d", "through it", "--count", "1")
        assert (spoken.returncode, spoken.stdout) == (0, b"through it\n"), spoken.stderr
        shown = gatepost("socket", "connect", target, "--ca", gateway.ca, *way, "--check", "--json")
        assert json.loads(shown.stdout)["through_proxy"] is True, shown.stderr
        # Nobody listens there, and nobody is told who we are who was not named.
        with socket.create_server(("127.0.0.1", 0)) as unused:
            nowhere = unused.getsockname()[1]
        refused = gatepost("socket", "connect", f"localhost:{nowhere}", "--plain", *way)
        assert (refused.returncode, b"[GP-NET-022]" in refused.stderr) == (PEER, True), refused.stderr
    for words, why in [
        ((), b"wants to know who asks"),
        (("--proxy-user", "ali", "--proxy-password-env", "SOCKS_PW"), b"in the clear"),
        (("--proxy-user", "ali", "--proxy-password-env", "WRONG_PW", "--danger-plain-proxy"), b"does not take"),
    ]:
        refused = gatepost("get", f"https://{target}/", *demo, "--proxy", url, *words)
        assert refused.returncode == PEER and why in refused.stderr and b"open" not in refused.stderr, refused.stderr


def s_client(port, root, *words, said=b"hello\n"):
    """What OpenSSL's client hears until that is all that it said."""
    arguments = ["openssl", "s_client", "-connect", f"localhost:{port}", "-CAfile", root.cert, "-verify_return_error",
                 "-verify_hostname", "localhost", "-servername", "localhost", "-quiet", "-no_ign_eof", *words]  # fmt: skip
    process = subprocess.Popen(
        [str(word) for word in arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdin.write(said)
    process.stdin.flush()
    heard = process.stdout.read(len(said)) if said else b""
    process.stdin.close()
    process.wait(LIMIT)
    told = process.stderr.read().decode()
    process.stdout.close()
    process.stderr.close()
    return heard, told


def test_openssl_is_a_client_of_what_listens(root, leaf, peer, tmp_path):
    pair = ("--cert", leaf[0], "--key", leaf[1])
    plain = peer(Listening(*pair, "--echo", "--alpn", "echo/1"))
    for words in [(), ("-tls1_2",), ("-tls1_3",), ("-alpn", "other,echo/1")]:
        assert s_client(plain.port, root, *words)[0] == b"hello\n", words
    assert s_client(plain.port, root, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")[0] == b""
    for name in ["smtp", "imap", "pop3", "postgres", "ldap"]:
        listening = peer(Listening(*pair, "--echo", "--starttls", name))
        assert s_client(listening.port, root, "-starttls", name)[0] == b"hello\n", name
    clients = Authority(tmp_path)
    client = clients.leaf(extensions=("basicConstraints=critical,CA:FALSE", "extendedKeyUsage=clientAuth"))
    asks = peer(Listening(*pair, "--echo", "--client-ca", clients.cert))
    assert s_client(asks.port, root, "-cert", client[0], "-key", client[1])[0] == b"hello\n"
    assert s_client(asks.port, root)[0] == b""
    assert s_client(asks.port, root, "-cert", leaf[0], "-key", leaf[1])[0] == b""


def test_plain_servers_get_starttls(server, root, leaf, peer):
    trust = ssl.create_default_context(cafile=root.cert)
    pair = ("--cert", leaf[0], "--key", leaf[1])
    front = peer(Listening(*pair, "--starttls", "smtp", "--to", f"127.0.0.1:{server('smtp').port}"))
    with smtplib.SMTP("localhost", front.port, timeout=LIMIT) as mail:
        mail.starttls(context=trust)
        assert mail.ehlo()[0] == 250 and mail.has_extn("SIZE"), "the server behind answers"
        assert mail.docmd("RCPT TO:<x@y.test>")[0] == 503
    with smtplib.SMTP("localhost", front.port, timeout=LIMIT) as mail:
        assert mail.docmd("MAIL FROM:<x@y.test>")[0] == 530, "nothing but STARTTLS in the clear"
    for name, kind in [("imap", imaplib.IMAP4), ("pop3", poplib.POP3)]:
        # In the clear Dovecot only says that it wants TLS; that comes from there.
        front = peer(Listening(*pair, "--starttls", name, "--to", f"127.0.0.1:{server(name).port}"))
        client = kind("localhost", front.port, timeout=LIMIT)
        if name == "imap":
            client.starttls(ssl_context=trust)
            assert "STARTTLS" in client.capability()[1][0].decode()
            client.logout()
        else:
            client.stls(context=trust)
            assert "STLS" in client.capa()
            client.quit()


def test_psql_is_a_client_of_what_listens_and_of_what_passes_on(server, root, leaf, peer):
    behind = server("postgres")
    front = peer(Listening("--cert", leaf[0], "--key", leaf[1], "--starttls", "postgres", "--to", f"127.0.0.1:{behind.port}"))

    def asked(port, mode):
        url = f"postgresql://demo@localhost:{port}/postgres?sslmode={mode}&sslrootcert={root.cert}&connect_timeout=20"
        return subprocess.run(
            ["psql", "-XAtc", "select 6 * 7", url], capture_output=True, text=True, timeout=LIMIT, check=False
        )

    assert asked(front.port, "verify-full").stdout == "42\n", asked(front.port, "verify-full").stderr
    assert asked(front.port, "disable").returncode != 0


def test_a_tls_server_gets_a_plain_port(root, leaf, peer):
    secured = peer(Listening("--cert", leaf[0], "--key", leaf[1], "--echo"))
    port = peer(Listening("--plain", "--to-tls", f"localhost:{secured.port}", "--ca", root.cert))
    with socket.create_connection(("127.0.0.1", port.port), timeout=LIMIT) as client:
        client.sendall(b"hello")
        client.shutdown(socket.SHUT_WR)
        assert client.makefile("rb").read() == b"hello"
    stranger = peer(Listening("--plain", "--to-tls", f"localhost:{secured.port}"))
    with socket.create_connection(("127.0.0.1", stranger.port), timeout=LIMIT) as client, contextlib.suppress(OSError):
        client.sendall(b"hello")
        assert client.recv(100) == b"", "who is not trusted is told nothing"


def test_it_serves_on_whatever_comes(root, leaf, peer):
    listening = peer(Listening("--cert", leaf[0], "--key", leaf[1], "--echo", "--starttls", "smtp", "--max-connections", "8"))
    for said in [b"", b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n", b"\r\n" * 40_000, b"STARTTLS\r\n" * 3, b"\0" * 70_000]:
        with socket.create_connection(("127.0.0.1", listening.port), timeout=LIMIT) as client, contextlib.suppress(OSError):
            client.sendall(said)
            client.shutdown(socket.SHUT_WR)
            while client.recv(65536):
                pass
    assert s_client(listening.port, root, "-starttls", "smtp")[0] == b"hello\n"
    until("it runs", lambda: listening.process.poll() is None)
