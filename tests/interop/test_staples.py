"""OCSP responses made by OpenSSL: stapled by us to its client, and by its server to us."""

import json
import subprocess

import command
import pytest
from authority import LEAF, Authority, openssl
from gateway import until

RESPONDER = ("basicConstraints=critical,CA:FALSE", "extendedKeyUsage=OCSPSigning")
DEMANDS = (*LEAF, "tlsfeature=status_request")
TLS_FAILED = 10


class House:
    """A root, a certificate that demands a staple, and who answers for the root."""

    def __init__(self, folder):
        self.root, self.folder = Authority(folder), folder
        self.leaf = self.root.leaf(extensions=DEMANDS)
        self.delegate = self.root.leaf(extensions=RESPONDER, names=(), common="responder")
        self.made = 0

    def says(self, leaf=None, signer=None, days=("-ndays", "1")):
        """A response of the authority's own, or of the one that it appointed."""
        self.made += 1
        path, root = self.folder / f"{self.made}.ocsp", self.root
        cert, key = signer or (root.cert, root.key)
        openssl(
            "ocsp", "-index", root.folder / "index.txt", "-CA", root.cert, "-rsigner", cert, "-rkey", key,
            "-issuer", root.cert, "-cert", (leaf or self.leaf)[0], "-respout", path, "-noverify", *days,
        )  # fmt: skip
        return path


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


@pytest.fixture
def serve():
    """Starts OpenSSL's server with a certificate and what it staples; its port."""
    servers = []

    def start(leaf, staple=None):
        words = ["openssl", "s_server", "-accept", "127.0.0.1:0", "-www", "-cert", leaf[0], "-key", leaf[1]]
        words += ["-status_file", staple] if staple else []
        server = subprocess.Popen([*map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        servers.append(server)
        accept = next(line for line in server.stdout if line.startswith("ACCEPT"))
        return int(accept.rsplit(":", 1)[1])

    yield start
    for server in servers:
        server.kill()
        server.wait(10)
        server.stdout.close()


def shown(home, port, ca):
    """The exit code, the flaws by name, and whether something counts that was stapled."""
    done = command.run(home, "cert", "show", "--live", f"localhost:{port}", "--ca", ca, "--json")
    said = json.loads(done.stdout)
    return done.returncode, [flaw["flaw"] for flaw in said["flaws"]], said["stapled_until"] is not None


def test_what_openssl_staples_is_heard(house, serve, tmp_path):
    stranger = House(tmp_path / "stranger")
    plain = house.root.leaf()
    over = ("-nmin", "1")
    good, missing = (0, [], True), (TLS_FAILED, ["must-staple"], False)
    unfit = (TLS_FAILED, ["revocation-failed", "must-staple"], False)
    table = [
        (house.leaf, house.says(), good),
        (house.leaf, house.says(signer=house.delegate), good),
        (house.leaf, house.says(days=()), good),
        (house.leaf, None, missing),
        (house.leaf, house.says(leaf=plain), unfit),
        (house.leaf, house.says(signer=plain), unfit),
        (house.leaf, stranger.says(), unfit),
        (plain, house.says(leaf=plain, days=over), good),
        (plain, house.says(), (TLS_FAILED, ["revocation-failed"], False)),
        (plain, None, (0, [], False)),
    ]
    for at, (leaf, staple, outcome) in enumerate(table):
        assert shown(tmp_path, serve(leaf, staple), house.root.cert) == outcome, at
    house.root.revoke(plain[0])
    revoked = shown(tmp_path, serve(plain, house.says(leaf=plain)), house.root.cert)
    assert revoked == (TLS_FAILED, ["revoked"], False)


def test_openssl_hears_what_is_stapled(house, start):
    gateway = start()
    whole, key = gateway.folder / "whole.pem", house.leaf[1]
    whole.write_text(house.leaf[0].read_text() + house.root.cert.read_text())
    place = f"localhost:{gateway.port}"
    staple = gateway.folder / "served.ocsp"

    def bind(path):
        words = ("--cert", whole, "--key", key, "--ocsp-staple", path)
        return command.gatepost(gateway.state, "cert", "bind", place, *words)

    def asked(*words):
        """What OpenSSL's client says of the response, if it is content with the server."""
        done = subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{gateway.port}", "-servername", "localhost", "-status",
             "-CAfile", str(house.root.cert), "-verify_return_error", *words],
            input="", capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        return done.stdout if done.returncode == 0 else ""

    other = bind(house.says(leaf=house.root.leaf()))
    assert other.returncode == 3 and "wrong-staple" in other.stderr, other.stderr
    house.says().replace(staple)
    done = bind(staple)
    assert done.returncode == 0, done.stderr
    until("it is stapled", lambda: "Cert Status: good" in asked())
    assert "Cert Status: good" in asked("-tls1_2")
    house.says(signer=house.delegate).replace(staple)
    until("another is stapled", lambda: "Responder Id: CN = responder" in asked())
    # A word that does not count is not passed on, and ends no handshake.
    junk = staple.with_suffix(".new")
    junk.write_bytes(b"junk")
    junk.replace(staple)
    until("nothing is stapled", lambda: "OCSP response: no response sent" in asked())
    assert "wrong-staple" in gateway.errors()
