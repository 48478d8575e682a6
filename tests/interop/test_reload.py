"""A changed configuration is taken up without a restart; a broken one changes nothing."""

import threading

import pytest
import wire
from gateway import until
from peers import free_port, own_certificate
from proofs import proof

CONFIG = """
[[listener]]
address = "127.0.0.1:0"

[[route]]
path = "/"
schemes = []
respond = {{ status = 200, body = "{body}" }}

[danger]
no_auth = true
"""


@pytest.fixture
def configured(start, tmp_path):
    """A gateway that answers with `one`, and the file that says so."""
    config = tmp_path / "gatepost.toml"
    config.write_text(CONFIG.format(body="one"))
    gateway = start("--config", config)
    assert wire.curl(gateway) == (200, "one")
    return gateway, config


@pytest.mark.parametrize("how", ["signal", "changed-file"])
def test_a_changed_file_is_taken_up(configured, how):
    gateway, config = configured
    config.write_text(CONFIG.format(body="two"))
    if how == "signal":
        gateway.reload()
    until("the new configuration answers", lambda: wire.curl(gateway) == (200, "two"))
    assert gateway.process.poll() is None


def test_a_broken_file_changes_nothing_and_says_where(configured):
    gateway, config = configured
    broken = CONFIG.format(body="two").replace("status = 200", "status = 99")
    config.write_text(broken)
    line = next(number for number, text in enumerate(broken.splitlines(), 1) if "status" in text)
    gateway.reload()
    until("the complaint is printed", lambda: f"{config}:{line}:" in gateway.errors() + gateway.output())
    assert wire.curl(gateway) == (200, "one")
    config.write_text(CONFIG.format(body="three"))
    gateway.reload()
    until("the mended configuration answers", lambda: wire.curl(gateway) == (200, "three"))


def test_another_certificate_and_other_limits_close_nothing(start, tmp_path):
    config = tmp_path / "gatepost.toml"
    port = free_port()
    listener = f'address = "127.0.0.1:{port}"'
    text = CONFIG.format(body="one").replace('address = "127.0.0.1:0"', listener)
    config.write_text(text)
    gateway = start("--config", config)
    assert wire.curl(gateway) == (200, "one")
    cert, key = own_certificate(tmp_path)
    shown = f'{listener}\ncertificate = "{cert}"\nkey = "{key}"'
    config.write_text(text.replace(listener, shown) + "\n[limits]\nhead_fields = 50\n")
    gateway.reload()
    gateway.ready["ca"] = str(cert)
    until("the new certificate is shown", lambda: wire.curl(gateway) == (200, "one"))
    assert "restart" in gateway.errors() + gateway.output()


def test_the_end_waits_for_a_request_in_flight(start, recorder):
    gateway = start("--upstream", recorder.url)
    recorder.go.clear()
    answers = []
    fields = wire.as_options(proof("basic", gateway))
    client = threading.Thread(target=lambda: answers.append(wire.curl(gateway, *fields)), daemon=True)
    client.start()
    until("the upstream has the request", lambda: recorder.heads)
    ended = threading.Thread(target=lambda: answers.append(gateway.stop()), daemon=True)
    ended.start()
    until("it takes no new connection", lambda: wire.curl(gateway)[0] == -7)
    recorder.go.set()
    client.join(20)
    ended.join(20)
    assert answers == [(200, "recorded"), 0]
