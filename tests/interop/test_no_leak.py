"""Everything that is said at trace level, everything that is kept, and every command line, searched for planted secrets."""

import base64
import hashlib
import os
import subprocess

import command
import pytest
from peers import Recorder, own_certificate
from spnego._ntlm_raw.crypto import ntowfv1

USER, REALM = "ali", "gatepost"
SECRET, WRONG, OURS = "t0p-s3cret-planted", "wr0ng-s3cret-planted", "s3rvice-s3cret-planted"
SCHEMES = ["Digest", "NTLM", "WSSE", "Basic"]

CONFIG = """
workers = 1
[[listener]]
address = "127.0.0.1:0"
certificate = "{cert}"
key = "{key}"
[[route]]
schemes = ["Digest", "NTLM", "WSSE", "Basic", "Bearer"]
respond = {{ status = 200, body = "in" }}
[[route]]
path = "/up"
schemes = ["Basic"]
upstream = "{upstream}"
upstream_credential = {{ scheme = "Basic", user = "svc", secret = {{ file = "{secret}" }} }}
[auth.digest]
algorithms = ["SHA-256", "MD5"]
"""


def spellings(user, secret):
    """The secret, and what is as good as it."""
    plain = secret.encode()
    pairs = {name: hashlib.new(name, f"{user}:{REALM}:{secret}".encode()) for name in ("md5", "sha256")}
    hashes = [ntowfv1(secret), *(pair.digest() for pair in pairs.values())]
    return {
        "itself": plain,
        "in UTF-16": secret.encode("utf-16-le"),
        "in base64": base64.b64encode(plain).rstrip(b"="),
        "as Basic": base64.b64encode(f"{user}:{secret}".encode()).rstrip(b"="),
        **{f"hash {n}": value for n, value in enumerate(hashes)},
        **{f"hash {n} in hex": value.hex().encode() for n, value in enumerate(hashes)},
        **{f"hash {n} in base64": base64.b64encode(value).rstrip(b"=") for n, value in enumerate(hashes)},
    }


class House:
    """A gateway that tells all, and everything that it and its clients leave behind."""

    def __init__(self, start, tmp_path, upstream):
        self.folder, self.told = tmp_path, {}
        cert, key = own_certificate(tmp_path)
        self.ca, secret = cert, tmp_path / "service.secret"
        secret.write_text(OURS)
        secret.chmod(0o600)
        config = tmp_path / "g.toml"
        config.write_text(CONFIG.format(cert=cert, key=key, upstream=upstream.url, secret=secret))
        (tmp_path / "gateway-0").mkdir()
        self.state = tmp_path / "gateway-0/state"
        words = ["--recoverable", "--digest=SHA-256,MD5", "--ntlm", "--realm", REALM, "--password-stdin"]
        self.run("user", "add", USER, *words, "--state", self.state, secret=SECRET)
        self.gateway = start("--config", config, "-vv", under=["env", "GATEPOST_LOG=trace", "RUST_LOG=trace"])

    def run(self, *words, secret=None):
        """`gatepost`, telling all; what it says is kept."""
        done = subprocess.run(
            [command.binary(), *map(str, words)],
            input=None if secret is None else secret + "\n",
            capture_output=True,
            text=True,
            timeout=command.LIMIT,
            env=command.environment(self.folder) | {"GATEPOST_LOG": "trace", "RUST_LOG": "trace"},
            check=False,
        )
        self.told[" ".join(map(str, words[:3])) + f" {len(self.told)}"] = (done.stdout + done.stderr).encode()
        return done

    def get(self, *words, path="/", secret=None):
        state = ["--state", self.folder / "client"]
        return self.run("get", f"{self.gateway.url}{path}", "-v", "--ca", self.ca, *state, *words, secret=secret)

    def left(self):
        """What was said, what lies on the disk but where the secrets were given, and the command line."""
        given = {"service.secret", "token"}
        files = [path for path in self.folder.rglob("*") if path.is_file() and path.name not in given]
        cmdline = {"the command line": open(f"/proc/{self.gateway.process.pid}/cmdline", "rb").read()}
        return self.told | {str(path.relative_to(self.folder)): path.read_bytes() for path in files} | cmdline


@pytest.fixture
def upstream():
    server = Recorder()
    yield server
    server.stop()


def test_no_secret_is_said_or_kept_in_the_clear(start, tmp_path, upstream):
    house = House(start, tmp_path, upstream)
    login = ["--user", USER, "--password-stdin"]
    for scheme in SCHEMES:
        for secret, code in ((SECRET, 0), (WRONG, 10)):
            done = house.get("--auth", scheme, *login, secret=secret)
            assert (done.returncode == 0) == (code == 0), (scheme, done.stderr)
    assert house.get("--auth", "Basic", *login, path="/up", secret=SECRET).returncode == 0
    token = tmp_path / "token"
    issued = command.gatepost(house.state, "token", "issue", "--user", USER)
    token.write_text(issued.stdout)
    token.chmod(0o600)
    assert house.get("--token-file", token).returncode == 0
    kept = ["--user", USER, "--scope", house.gateway.url, "--password-stdin", "--state", tmp_path / "client"]
    assert house.run("credential", "add", "kept", *kept, secret=SECRET).returncode == 0
    assert house.get("--credential", "kept").returncode == 0
    house.run("credential", "list", "--json", "--state", tmp_path / "client")
    house.run("user", "list", "--json", "--state", house.state)
    house.run("auth", "explain", house.gateway.url, "--stored", "--state", tmp_path / "client")
    house.run("log", "decisions", "--json", "--state", house.state)

    left = house.left()
    # Otherwise nothing could be found: the log tells of each request, and the decision log of each proof.
    assert left["gateway-0/err.log"].count(b"ali") > 10
    needles = {f"{name} {how}": octets for name, user, secret in
               (("the secret", USER, SECRET), ("a wrong one", USER, WRONG), ("the service's", "svc", OURS))
               for how, octets in spellings(user, secret).items()}  # fmt: skip
    needles["the token"] = issued.stdout.strip().rsplit(".", 1)[1].encode()
    found = [(where, what) for where, octets in left.items() for what, needle in needles.items() if needle in octets]
    assert found == []


def test_the_search_finds_what_is_there(tmp_path):
    """The needles are what they are called."""
    assert spellings("ali", "x" * 9)["as Basic"] in base64.b64encode(b"ali:" + b"x" * 9)
    assert spellings("u", "password")["hash 0 in hex"] == b"8846f7eaee8fb117ad06bdd830b7586c"
