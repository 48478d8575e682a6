"""Fixtures of the interoperability tests. Each ends what it started, by its id, and nothing else."""

import os
import tempfile
from pathlib import Path

import pytest
from gateway import Gateway
from kdc import Kdc
from peers import Echo, Nginx, Recorder, own_certificate
from websocket import EchoServer

FIGURES = []


@pytest.fixture
def figure():
    """Notes a measured value, which is printed at the end and never asserted: machines differ."""
    return lambda name, value: FIGURES.append(f"{name}: {value}")


def pytest_terminal_summary(terminalreporter):
    if FIGURES:
        terminalreporter.section("figures")
        for line in FIGURES:
            terminalreporter.write_line(line)


@pytest.fixture
def start(tmp_path):
    """Starts gateways: `start(*words)` gives one that listens, with a fresh state; `under` is as in `Gateway`."""
    all_of_them = []

    def begin(*words, under=()):
        gateway = Gateway(tmp_path / f"gateway-{len(all_of_them)}", *words, under=under)
        all_of_them.append(gateway)
        return gateway.start()

    yield begin
    for gateway in all_of_them:
        gateway.stop()


@pytest.fixture(scope="session")
def open_folder():
    """A folder that other users may look into: pytest's own are for nobody else, and Apache's children are somebody else."""
    with tempfile.TemporaryDirectory(prefix="gatepost-") as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@pytest.fixture(scope="session")
def kdc(open_folder):
    folder = open_folder / "kdc"
    folder.mkdir()
    server = Kdc(folder)
    yield server
    server.stop()


@pytest.fixture
def nginx(tmp_path):
    folder = tmp_path / "nginx"
    folder.mkdir()
    server = Nginx(folder)
    yield server
    server.stop()


@pytest.fixture
def echo():
    server = Echo()
    yield server
    server.stop()


@pytest.fixture
def recorder():
    server = Recorder()
    yield server
    server.stop()


@pytest.fixture
def own(tmp_path):
    """A certificate for localhost, signed by itself, and its key."""
    return own_certificate(tmp_path)


@pytest.fixture
def echo_server(tmp_path):
    """Starts the WebSocket echo server of our examples: `echo_server(*words, own=None)`."""
    all_of_them = []

    def begin(*words, own=None):
        all_of_them.append(EchoServer(tmp_path, *words, own=own))
        return all_of_them[-1]

    yield begin
    for server in all_of_them:
        server.stop()
