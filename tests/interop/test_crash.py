"""`kill -9` during writes loses nothing that was acknowledged."""

import itertools
import subprocess
import threading

import command
import wire
from gateway import until
from proofs import basic

ROUNDS = 50


class Writer(threading.Thread):
    """Adds users and credentials, one after the other, until it is told to stop; keeps what was acknowledged."""

    def __init__(self, state, url, round_number):
        super().__init__(daemon=True)
        self.state, self.url, self.round_number = state, url, round_number
        self.users, self.credentials = [], []
        self.refused = []
        self.over = threading.Event()

    def run(self):
        for number in itertools.count():
            name = f"crash-{self.round_number:02}-{number:02}"
            for add, kept in [(self.add_user, self.users), (self.add_credential, self.credentials)]:
                if self.over.is_set():
                    return
                done = add(name)
                if done.returncode == 0:
                    kept.append(name)
                else:
                    self.refused.append(done.stderr)

    def add_user(self, name):
        return command.add_user(self.state, name, f"secret of {name}")

    def add_credential(self, name):
        return command.add_credential(self.state, name, self.url, name, f"secret of {name}")


def test_fifty_crashes_during_writes(start, figure):
    gateway = start()
    users, credentials, starts = [], [], [gateway.started_in]
    for round_number in range(ROUNDS):
        writer = Writer(gateway.state, gateway.url, round_number)
        writer.start()
        until("a write is acknowledged", lambda at=writer: at.users or at.refused, 30)
        gateway.kill()
        writer.over.set()
        writer.join(command.LIMIT)
        assert writer.refused == []
        users += writer.users
        credentials += writer.credentials
        gateway.start()
        starts.append(gateway.started_in)
    assert set(users) - command.users(gateway.state) == set()
    assert set(credentials) - command.credentials(gateway.state) == set()
    last = users[-1]
    assert wire.curl(gateway, *wire.as_options(basic(last, f"secret of {last}")))[0] == 200
    figure("crash: acknowledged writes, all there", len(users) + len(credentials))
    figure(f"crash: start-up after kill -9, longest of {len(starts)}", f"{max(starts):.3f} s (wanted: under 2 s)")


def test_a_writer_that_is_killed_leaves_a_good_store(start, figure):
    """The command itself dies in the middle of a write; what it had acknowledged before stays."""
    gateway = start()
    acknowledged, killed = [], 0
    for number in range(ROUNDS):
        name = f"cut-{number:02}"
        words = [command.binary(), "user", "add", name, "--password-stdin", "--state", gateway.state]
        writer = subprocess.Popen(
            words, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, env=command.environment(gateway.folder)
        )
        writer.stdin.write(b"secret\n")
        writer.stdin.close()
        # From at once to a little later than such a write takes.
        try:
            if writer.wait(number * 0.004) == 0:
                acknowledged.append(name)
        except subprocess.TimeoutExpired:
            writer.kill()
            writer.wait(10)
            killed += 1
    assert set(acknowledged) - command.users(gateway.state) == set()
    assert wire.curl(gateway, *wire.as_options(basic(gateway.user, gateway.password)))[0] == 200
    figure("crash: writers killed, of fifty", killed)
