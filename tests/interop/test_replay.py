"""A WSSE proof works once, also over a restart."""

import command
import pytest
import wire
from proofs import proof


def test_the_client_makes_a_new_proof_each_time(start, tmp_path):
    gateway = start()
    state = tmp_path / "client"
    added = command.add_credential(state, "demo", gateway.url, gateway.user, gateway.password)
    assert added.returncode == 0, added.stderr
    for _ in range(2):
        done = command.get(state, gateway.url + "/", gateway.ca, "demo", "wsse")
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_recorded_request_is_refused_also_after_a_restart(start, end):
    gateway = start()
    recorded = wire.as_options(proof("wsse", gateway))
    assert wire.curl(gateway, *recorded)[0] == 200
    assert wire.curl(gateway, *recorded)[0] == 401
    getattr(gateway, end)()
    gateway.start()
    assert wire.curl(gateway, *recorded)[0] == 401
    assert wire.curl(gateway, *wire.as_options(proof("wsse", gateway)))[0] == 200


def test_a_stranger_cannot_burn_a_proof(start):
    """The record is made after the proof has verified, so a forged digest with the same nonce costs nothing."""
    gateway = start()
    good = proof("wsse", gateway)
    forged = dict(good)
    forged["X-WSSE"] = good["X-WSSE"].replace('PasswordDigest="', 'PasswordDigest="AAAA', 1)
    assert wire.curl(gateway, *wire.as_options(forged))[0] == 401
    assert wire.curl(gateway, *wire.as_options(good))[0] == 200
