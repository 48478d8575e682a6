"""A running `gatepost serve`, from start to end."""

import json
import signal
import subprocess
import time
from pathlib import Path

import command


def until(what, condition, seconds=10.0):
    """Waits for what another process does. Returns the first true value, or fails by name."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"after {seconds} s still not: {what}")
        time.sleep(0.005)


class Gateway:
    """One gateway with its own state. It may be started again on the same state after it ended."""

    def __init__(self, folder, *words, under=()):
        """`under` is a command that starts another, such as `prlimit`; it must become that by `exec`."""
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.state = self.folder / "state"
        self.words = [str(word) for word in words]
        self.under = [str(word) for word in under]
        self.process = None
        self.ready = None
        self.started_in = None

    def start(self):
        """Starts it and waits until it says that it listens."""
        ready = self.folder / "ready.json"
        ready.unlink(missing_ok=True)
        start = time.monotonic()
        with open(self.folder / "out.log", "ab") as out, open(self.folder / "err.log", "ab") as err:
            self.process = subprocess.Popen(
                [*self.under, command.binary(), "serve", "--state", self.state, "--ready", ready, *self.words],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=self.folder,
                env=command.environment(self.folder),
            )
        self.ready = until("the gateway listens", lambda: self._is_ready(ready))
        self.started_in = time.monotonic() - start
        return self

    def _is_ready(self, ready):
        if self.process.poll() is not None:
            raise AssertionError(f"the gateway ended with {self.process.returncode}: {self.errors()}")
        try:
            return json.loads(ready.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return None

    @property
    def url(self):
        """The address of its first listener, without a slash at its end."""
        return self.ready["url"].rstrip("/")

    @property
    def port(self):
        return int(self.url.rsplit(":", 1)[1])

    @property
    def ca(self):
        """The file of the authority that signed its certificate."""
        return self.ready["ca"]

    @property
    def user(self):
        return self.ready["user"]

    @property
    def password(self):
        return self.ready["password"]

    def output(self):
        return (self.folder / "out.log").read_text()

    def errors(self):
        return (self.folder / "err.log").read_text()

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def kill(self):
        """As a power cut would end it."""
        self.process.kill()
        self.process.wait(10)

    def stop(self):
        """As a service manager would end it. Returns the exit code."""
        if self.process is None or self.process.poll() is not None:
            return None
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
