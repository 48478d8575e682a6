"""Certificates of ACME authorities: by the command and by a running gateway, by both challenges, and again in time."""

import http.client
import json
import os
import re
import ssl
import subprocess
import threading

import command
import pytest
from acme import EAB, Caddy, Island, Pebble
from gateway import until

CHALLENGES = ["http-01", "tls-alpn-01"]
GATEWAY = """
[[listener]]
address = "{tls}"
{plain}
[[acme]]
names = [{names}]
directory = "{directory}"
agree_tos = true
contact = ["ops@example.com"]
challenge = "{challenge}"
ca_file = "{ca}"
{listen}

[[route]]
schemes = []
respond = {{ status = 200, body = "fine" }}

[danger]
no_auth = true
plain_listeners = true
"""


@pytest.fixture
def pebble(tmp_path):
    """Starts Pebbles: `pebble(**how)`."""
    all_of_them = []

    def begin(**how):
        all_of_them.append(Pebble(tmp_path / f"pebble-{len(all_of_them)}", **how))
        return all_of_them[-1]

    yield begin
    for server in all_of_them:
        server.stop()


@pytest.fixture
def island(tmp_path):
    if os.geteuid() != 0 and "CI" not in os.environ:
        pytest.skip("only root makes a network of its own")
    place = Island(tmp_path / "island", "ca.test", "a.test", "b.test")
    yield place
    place.stop()


@pytest.fixture
def caddy(island):
    server = Caddy(island)
    yield server
    server.stop()


def issue(state, authority, names, challenge, *words, listen=None):
    """`gatepost cert issue --acme`."""
    port = authority.http if challenge == "http-01" else authority.tls
    where = ["--challenge", challenge, "--listen", listen or f"127.0.0.1:{port}"]
    whom = ["--acme", authority.directory, "--ca-file", authority.ca, "--agree-tos", "--email", "ops@example.com"]
    return command.gatepost(state, "cert", "issue", "--names", ",".join(names), *whom, *where, *words)


def bound(state):
    """Which certificate each name is bound to."""
    listing = command.gatepost(state, "cert", "list", "--json")
    assert listing.returncode == 0, listing.stderr
    return {row["binding"]: row["sha256"] for row in json.loads(listing.stdout)}


class Guest:
    """A client that trusts the authority's root alone, on connections of its own."""

    def __init__(self, port, root, name):
        self.port, self.name = port, name
        self.context = ssl.create_default_context(cafile=root)

    def ask(self):
        """The status, the body, and the serial number of the certificate that was shown."""
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=10, context=self.context)
        connection._context = self  # The name is another than the address: see `wrap_socket`.
        try:
            connection.request("GET", "/", headers={"Host": self.name})
            serial = connection.sock.getpeercert()["serialNumber"]
            answer = connection.getresponse()
            return answer.status, answer.read(), serial
        finally:
            connection.close()

    def wrap_socket(self, plain, server_hostname):
        return self.context.wrap_socket(plain, server_hostname=self.name)


class Crowd:
    """Guests that ask without a pause, until they are stopped."""

    def __init__(self, guest):
        self.guest, self.done = guest, threading.Event()
        self.good, self.bad, self.serials = 0, [], []
        self.thread = threading.Thread(target=self._ask)
        self.thread.start()

    def _ask(self):
        while not self.done.is_set():
            try:
                status, body, serial = self.guest.ask()
            except OSError as error:
                self.bad.append(repr(error))
                continue
            if (status, body) != (200, b"fine"):
                self.bad.append((status, body))
            self.good += 1
            if serial not in self.serials:
                self.serials.append(serial)

    def stop(self):
        self.done.set()
        self.thread.join(20)


def shows(guest):
    try:
        return guest.ask()[2]
    except OSError:
        return None


@pytest.mark.parametrize("challenge", CHALLENGES)
def test_the_command_issues_and_renews(pebble, start, tmp_path, challenge):
    authority = pebble()
    gateway = start()
    names = ["a.test", "b.test"]
    done = issue(gateway.state, authority, names, challenge)
    assert done.returncode == 0, done.stderr
    assert [line.split(":")[0] for line in done.stderr.splitlines()][:2] == ["account", "ordered"]
    first = bound(gateway.state)
    assert first["a.test:0"] == first["b.test:0"]
    guests = [Guest(gateway.port, authority.root(), name) for name in names]
    serial = until("the gateway shows it", lambda: shows(guests[0]))
    assert shows(guests[1]) == serial
    kept = b"".join(file.read_bytes() for file in gateway.state.glob("store.db*"))
    assert authority.directory.encode() in kept and b"key_pkcs8" not in kept, "the account is kept, and sealed"
    renewed = command.gatepost(gateway.state, "cert", "renew", "a.test:0")
    assert renewed.returncode == 0, renewed.stderr
    assert "account" not in renewed.stderr, "the account is kept"
    second = bound(gateway.state)
    assert second["a.test:0"] == second["b.test:0"] != first["a.test:0"]
    until("the gateway shows the new one", lambda: shows(guests[0]) not in (None, serial))


def test_an_external_account_is_needed_and_taken(pebble, tmp_path):
    authority = pebble(external=True)
    state, key = tmp_path / "state", tmp_path / "eab.key"
    refused = issue(state, authority, ["a.test"], "http-01")
    assert refused.returncode != 0 and "GP-ACME-002" in refused.stderr and "externalAccountRequired" in refused.stderr
    key.write_text(EAB[1][::-1] + "\n")
    words = ["--eab-kid", EAB[0], "--eab-key-file", key]
    forged = issue(state, authority, ["a.test"], "http-01", *words)
    assert forged.returncode != 0 and "GP-ACME-002" in forged.stderr
    assert bound(state) == {}
    key.write_text(EAB[1] + "\n")
    taken = issue(state, authority, ["a.test"], "http-01", *words)
    assert taken.returncode == 0, taken.stderr
    assert list(bound(state)) == ["a.test:0"]
    for said in (refused, forged, taken):
        assert EAB[1] not in said.stderr + said.stdout


@pytest.mark.parametrize("challenge", CHALLENGES)
def test_an_authority_that_finds_nothing_issues_nothing(pebble, tmp_path, challenge):
    authority, state = pebble(), tmp_path / "state"
    # An address is proved as well (RFC 8738).
    first = issue(state, authority, ["a.test", "127.0.0.1"], challenge)
    assert first.returncode == 0, first.stderr
    before = bound(state)
    assert list(before) == ["127.0.0.1:0", "a.test:0"]
    # It is heard elsewhere than the authority asks.
    missed = issue(state, authority, ["a.test"], challenge, listen="127.0.0.1:0")
    assert missed.returncode == 6 and "GP-ACME-004" in missed.stderr and "a.test: " in missed.stderr, missed.stderr
    assert "hint: the name must lead to this machine" in missed.stderr
    stranger = command.gatepost(state, "cert", "issue", "a.test", "--acme", authority.directory, "--agree-tos")
    assert stranger.returncode != 0 and "GP-ACME-001" in stranger.stderr, "its own certificate is not the system's to trust"
    unwilling = command.gatepost(state, "cert", "issue", "a.test", "--acme", authority.directory, "--ca-file", authority.ca)
    assert unwilling.returncode == 2 and "--agree-tos" in unwilling.stderr
    assert bound(state) == before


@pytest.mark.parametrize("challenge", CHALLENGES)
def test_a_running_gateway_renews_in_time_while_requests_go_on(pebble, start, tmp_path, figure, challenge):
    authority = pebble(life=18)
    config = tmp_path / "gatepost.toml"
    plain = f'[[listener]]\naddress = "127.0.0.1:{authority.http}"\ntls = false' if challenge == "http-01" else ""
    config.write_text(
        GATEWAY.format(
            tls=f"127.0.0.1:{authority.tls}",
            plain=plain,
            names='"a.test", "b.test"',
            directory=authority.directory,
            challenge=challenge,
            ca=authority.ca,
            listen="",
        )
    )
    gateway = start("--config", config, "--verbose")
    guest = Guest(authority.tls, authority.root(), "a.test")
    first = until("a certificate is there", lambda: shows(guest), 20)
    crowd = Crowd(guest)
    try:
        until("it was renewed", lambda: len(crowd.serials) > 1 or crowd.bad, 30)
        authority.server.stop()
        until("a renewal failed", lambda: "postponed" in gateway.errors() + gateway.output(), 30)
    finally:
        crowd.stop()
    assert crowd.bad == [] and first == crowd.serials[0]
    figure(f"requests during a renewal by {challenge}", f"{crowd.good} good, {len(crowd.bad)} bad")
    # The last one stays, although the authority is away.
    assert len(bound(gateway.state)) >= 2 and "GP-ACME-001" in gateway.errors() + gateway.output()


@pytest.mark.parametrize("challenge", CHALLENGES)
def test_caddy_asks_at_its_own_ports(island, caddy, start, tmp_path, challenge):
    config = tmp_path / "gatepost.toml"
    listen = 'listen = "0.0.0.0:80"' if challenge == "http-01" else ""
    text = GATEWAY.format(
        tls="0.0.0.0:443",
        plain="",
        names='"a.test", "b.test"',
        directory=caddy.directory,
        challenge=challenge,
        ca=caddy.ca,
        listen=listen,
    )
    config.write_text(text)
    gateway = start("--config", config, "--verbose", under=island.enter())

    def shown(name):
        words = ["openssl", "s_client", "-connect", f"{name}:443", "-servername", name, "-CAfile", caddy.ca, "-verify_return_error"]
        done = island.run(*words, input="")
        certificate = re.search(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", done.stdout, re.DOTALL)
        return certificate.group() if done.returncode == 0 and certificate else None

    first = until("a certificate is there", lambda: shown("a.test"), 20)
    assert shown("b.test") == first
    answer = island.run("curl", "-sS", "--cacert", caddy.ca, "https://a.test/")
    assert answer.stdout == "fine", answer.stderr
    # The gateway has the port of tls-alpn-01, so that the command can renew by itself only what is proved elsewhere.
    words = ["cert", "renew", "a.test:0", "--state", gateway.state]
    renewed = island.run(command.binary(), *words, env=command.environment(tmp_path))
    if challenge == "http-01":
        assert renewed.returncode == 0, renewed.stderr
        until("the new one is shown", lambda: shown("a.test") not in (None, first))
    else:
        assert renewed.returncode == 6 and "0.0.0.0:443" in renewed.stderr, renewed.stderr
        assert shown("a.test") == first


def test_who_asks_for_a_proof_gets_none_that_is_not_shown(start):
    gateway = start()
    words = ["-connect", f"127.0.0.1:{gateway.port}", "-servername", "localhost", "-CAfile", gateway.ca]
    asked = subprocess.run(
        ["openssl", "s_client", *words, "-alpn", "acme-tls/1"], input="", capture_output=True, text=True, timeout=30, check=False
    )
    assert asked.returncode != 0 and "alert no application protocol" in asked.stderr
