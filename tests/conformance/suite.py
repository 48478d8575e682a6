"""One run of the suite: a fuzzing client against a server, or a fuzzing server against a client.

Whatever is started here runs in a session of its own and is ended by its id.
"""

import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import cases
from judge import judge

TEST_CASES = re.compile(r"will run (\d+) test cases")


class Suite:
    """Where the suite is, where its reports go, and the certificate of whoever serves wss."""

    def __init__(self, wstest, folder, certificate, limit=5400):
        self.wstest = wstest
        self.folder = Path(folder)
        self.certificate = certificate  # (certificate, key), for localhost and signed by itself
        self.limit = limit  # seconds for one run
        # Two runs that start at once must not find the same port free.
        self.ports = threading.Lock()

    def server(self, name, url, patterns):
        """Judges the server at `url`."""
        servers = [{"agent": name, "url": url, "options": {"version": 18}}]
        folder = self._folder(name, servers=servers, patterns=patterns)
        with open(folder / "suite.log", "w") as log, _Started(self._words(folder, "fuzzingclient"), folder, log) as suite:
            suite.wait(self.limit)
        return judge(folder, self._expected(folder))

    def client(self, name, words, patterns, secure):
        """Judges the client that `words` start; {url}, {agent} and {ca} in them are filled in."""
        with self.ports:
            port = _free_port()
            url = f"wss://localhost:{port}" if secure else f"ws://127.0.0.1:{port}"
            cert, key = map(str, self.certificate)
            folder = self._folder(name, url=url, patterns=patterns, **({"cert": cert, "key": key} if secure else {}))
            log = open(folder / "suite.log", "w")
            suite = _Started(self._words(folder, "fuzzingserver"), folder, log)
            _until_listening(port, suite, folder)
        with log, suite, open(folder / "client.log", "w") as out:
            filled = [word.format(url=url, agent=name, ca=self.certificate[0]) for word in words]
            with _Started(filled, folder, out) as client:
                code = client.wait(self.limit)
            if code:
                print(f"{name}: the client ended with {code}; see {folder}/client.log")
            _until_written(folder / "index.json")
        return judge(folder, self._expected(folder))

    def _folder(self, name, patterns, **more):
        """A folder for the report, with what is to be done."""
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "index.json").unlink(missing_ok=True)
        spec = {"options": {"failByDrop": False}, "outdir": str(folder), "cases": cases.expand(patterns)}
        spec |= {"exclude-cases": [], "exclude-agent-cases": {}, **more}
        (folder / "spec.json").write_text(json.dumps(spec, indent=1))
        return folder

    def _words(self, folder, mode):
        return [str(self.wstest), "--mode", mode, "--spec", str(folder / "spec.json"), "--webport", "0"]

    def _expected(self, folder):
        """How many cases the suite said it would run."""
        said = TEST_CASES.search((folder / "suite.log").read_text(errors="replace"))
        return int(said.group(1)) if said else 0


class _Started:
    """A process that ends with the block."""

    def __init__(self, words, folder, log):
        environment = os.environ | {"PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "ignore"}
        self.process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=folder, env=environment,
            start_new_session=True,
        )

    def wait(self, seconds):
        """Its exit code, or None where it had to be ended."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is not None:
            return
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def _free_port():
    """A port that nobody listens on now: the suite cannot take port 0 and say which it got."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _until_listening(port, suite, folder):
    end = time.monotonic() + 30
    while True:
        if suite.process.poll() is not None or time.monotonic() > end:
            raise SystemExit(f"the suite does not listen; see {folder}/suite.log")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)


def _until_written(report):
    """The report follows the client's last request."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            json.loads(report.read_text())
            return
        except (FileNotFoundError, json.JSONDecodeError):
            time.sleep(0.05)
