"""Servers of Python's ssl (OpenSSL) with certificates that are good, and bad in each way: all that is wrong is named."""

import json
import socket
import ssl
import subprocess
import threading

import command
import pytest
from authority import LEAF, Authority

TLS_FAILED = 10


class Server:
    """Shakes hands with whoever comes, and keeps what they say after it."""

    def __init__(self, folder, leaf, chain="", newest=None):
        self.heard, cert, key = [], *leaf
        whole = folder / f"{id(self)}.pem"
        whole.write_text(cert.read_text() + chain)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # So that it shows what nobody should take.
        self.context.set_ciphers("ALL:@SECLEVEL=0")
        if newest:
            self.context.minimum_version, self.context.maximum_version = ssl.TLSVersion.TLSv1, newest
        self.context.load_cert_chain(whole, key)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            connection.settimeout(10)
            try:
                with self.context.wrap_socket(connection, server_side=True) as secured:
                    self.heard.append(secured.recv(65536))
            except OSError:
                pass

    def stop(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(20)


@pytest.fixture
def serve(tmp_path):
    servers = []

    def start(leaf, chain="", newest=None):
        servers.append(Server(tmp_path, leaf, chain, newest))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A root, and an authority below it."""
    root = Authority(tmp_path_factory.mktemp("authorities"))
    return root, Authority(root.folder, root)


def gatepost(*words):
    return subprocess.run(
        [command.binary(), *map(str, words)], capture_output=True, text=True, timeout=30, check=False
    )


def shown(server, ca, host="localhost"):
    """The exit code, and the flaws by name."""
    done = gatepost("cert", "show", "--live", f"{host}:{server.port}", "--ca", ca, "--json")
    return done.returncode, [flaw["flaw"] for flaw in json.loads(done.stdout)["flaws"]]


OLD, LATE = {"end": "200102000000Z"}, {"start": "480101000000Z"}
CLIENT = ("basicConstraints=critical,CA:FALSE", "extendedKeyUsage=clientAuth")
TABLE = {
    "good": ({}, []),
    "good by address": ({"names": ("IP:127.0.0.1",), "host": "127.0.0.1"}, []),
    "expired": (OLD, ["expired"]),
    "not yet valid": (LATE, ["not-yet-valid"]),
    "another host": ({"names": ("DNS:other.test",)}, ["wrong-name"]),
    "a common name only": ({"names": (), "common": "localhost"}, ["wrong-name"]),
    "a wildcard stands for one label": ({"names": ("DNS:*.localhost",)}, ["wrong-name"]),
    "an address is no name": ({"host": "127.0.0.1"}, ["wrong-name"]),
    "for clients": ({"extensions": CLIENT}, ["wrong-usage"]),
    "all at once": ({**OLD, "names": ("DNS:other.test",), "extensions": CLIENT}, ["expired", "wrong-name", "wrong-usage"]),
}


@pytest.mark.parametrize("case", TABLE)
def test_a_leaf(serve, house, case):
    root, middle = house
    how, flaws = dict(TABLE[case][0]), TABLE[case][1]
    host = how.pop("host", "localhost")
    server = serve(middle.leaf(**how), middle.chain())
    assert shown(server, root.cert, host) == (TLS_FAILED if flaws else 0, flaws)


def test_roots_and_chains(serve, house, tmp_path):
    root, middle = house
    stranger = Authority(tmp_path)
    leaf = middle.leaf()
    whole, alone = serve(leaf, middle.chain() + root.cert.read_text()), serve(leaf)
    assert shown(whole, stranger.cert) == (TLS_FAILED, ["untrusted"])
    assert shown(alone, root.cert) == (TLS_FAILED, ["incomplete-chain"])
    endless = serve(leaf, middle.chain() * 40)
    assert shown(endless, root.cert) == (TLS_FAILED, ["other"])
    for extensions in [LEAF, ("basicConstraints=critical,CA:TRUE",)]:
        own = Authority(tmp_path, extensions=[*extensions, "subjectAltName=DNS:localhost"])
        itself = serve((own.cert, own.key))
        assert shown(itself, root.cert) == (TLS_FAILED, ["untrusted"])
        assert shown(itself, own.cert) == (0, [])


def test_what_an_authority_may_not(serve, house, tmp_path):
    root, _ = house
    limits = ("basicConstraints=critical,CA:TRUE", "nameConstraints=critical,permitted;DNS:other.test")
    narrow = Authority(tmp_path, root, limits)
    assert shown(serve(narrow.leaf(), narrow.chain()), root.cert) == (TLS_FAILED, ["name-constraint"])
    shallow = Authority(tmp_path, root, ("basicConstraints=critical,CA:TRUE,pathlen:0",))
    deep = Authority(tmp_path, shallow)
    assert shown(serve(deep.leaf(), deep.chain()), root.cert) == (TLS_FAILED, ["basic-constraints"])


def test_weak_keys_and_signatures(serve, house):
    root, middle = house
    weak = serve(middle.leaf(key=["rsa:1024"]), middle.chain())
    assert shown(weak, root.cert) == (TLS_FAILED, ["weak-key"])
    sha1 = serve(middle.leaf(digest="sha1"), middle.chain())
    assert shown(sha1, root.cert) == (TLS_FAILED, ["weak-signature"])


def test_what_was_taken_back(serve, house):
    root, middle = house
    leaf = middle.leaf()
    server = serve(leaf, middle.chain())
    words = ("get", f"https://localhost:{server.port}/", "--ca", root.cert)
    done = gatepost(*words, "--crl", middle.revoke(leaf[0]))
    assert (done.returncode, "[GP-TLS-015]" in done.stderr) == (TLS_FAILED, True), done.stderr
    done = gatepost(*words, "--crl", middle.folder / "list.pem", "--danger-ignore-cert-error", "revoked")
    assert done.returncode == 2 and "is fatal" in done.stderr


def test_a_pin_that_is_missing_and_nothing_is_sent(serve, house):
    root, middle = house
    server = serve(middle.leaf(), middle.chain())
    words = ("get", f"https://localhost:{server.port}/secret", "--ca", root.cert, "--max-time", "10s")
    done = gatepost(*words, "--pin", f"spki-sha256:{'00' * 32}")
    assert (done.returncode, "[GP-TLS-014]" in done.stderr) == (TLS_FAILED, True), done.stderr
    # The handshake that this one follows has ended, so all that the first one said has been heard.
    gatepost(*words)
    assert [bool(heard) for heard in server.heard if heard] == [True]


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_versions_that_are_over(serve, house, newest):
    root, middle = house
    server = serve(middle.leaf(key=["rsa:2048"]), middle.chain(), newest)
    done = gatepost("get", f"https://localhost:{server.port}/", "--ca", root.cert)
    assert done.returncode == TLS_FAILED and "rotocol" in done.stderr, done.stderr


def test_a_server_that_hangs_up_within_the_handshake(house):
    listener = socket.create_server(("127.0.0.1", 0))

    def hang_up():
        connection, _ = listener.accept()
        connection.recv(5)
        connection.close()

    thread = threading.Thread(target=hang_up, daemon=True)
    thread.start()
    done = gatepost("get", f"https://localhost:{listener.getsockname()[1]}/", "--ca", house[0].cert)
    thread.join(10)
    listener.close()
    assert done.returncode not in (0, 101) and "[GP-NET-" in done.stderr, done.stderr
