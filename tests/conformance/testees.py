"""Who is judged: our own examples, the gateway before one of them, or any program that is named for it."""

import json
import select
import shlex
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

LISTENS = "listening on "


@dataclass
class Testees:
    """Commands. In a server's, {cert} and {key} stand for files; its first line must be `listening on URL`."""

    server: list
    secure_server: list
    client: list
    secure_client: list

    @classmethod
    def examples(cls, folder):
        """Those of this project, in the folder where cargo put them."""
        folder = Path(folder).resolve()
        server, client = str(folder / "ws_echo_server"), str(folder / "ws_conformance_client")
        return cls(
            [server, "127.0.0.1:0"],
            [server, "--cert", "{cert}", "--key", "{key}", "127.0.0.1:0"],
            [client, "{url}", "{agent}"],
            [client, "--ca", "{ca}", "{url}", "{agent}"],
        )

    @classmethod
    def others(cls, server, client):
        """What a person named on the command line: for wss where it has a place for the certificate, else for ws."""
        tls = lambda words, place: (words, []) if not any(place in word for word in words) else ([], words)
        server, client = shlex.split(server or ""), shlex.split(client or "")
        return cls(*tls(server, "{cert}"), *tls(client, "{ca}"))

    def words(self, leg):
        """The command for a leg; empty where there is none."""
        return {
            "server-ws": self.server,
            "server-wss": self.secure_server,
            "client-ws": self.client,
            "client-wss": self.secure_client,
        }[leg]


class Server:
    """A server under test, until the block ends."""

    def __init__(self, words, certificate, log):
        cert, key = certificate
        self.words = [word.format(cert=cert, key=key) for word in words]
        self.log = log

    def __enter__(self):
        """Its URL."""
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                self.words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True,
                start_new_session=True,
            )
        ready, _, _ = select.select([self.process.stdout], [], [], 30)
        line = self.process.stdout.readline().strip() if ready else ""
        if not line.startswith(LISTENS):
            self.__exit__()
            raise SystemExit(f"{self.words[0]} said `{line}` instead of `{LISTENS}URL`; see {self.log}")
        # A server that keeps talking must not wait for a reader.
        threading.Thread(target=self.process.stdout.read, daemon=True).start()
        # The certificate is made out to a name.
        return line.removeprefix(LISTENS).replace("wss://127.0.0.1", "wss://localhost")

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


CONFIG = """\
workers = 1
[[listener]]
address = "127.0.0.1:0"
tls = false
[[route]]
schemes = []
upstream = "{upstream}"
websocket = "relay"
[route.relay]
client_deflate = true
upstream_deflate = true
control_frames = 100000
empty_frames = 100000
[danger]
no_auth = true
plain_listeners = true
"""


class Relay:
    """The gateway, which takes every frame apart, before a server under test. Compression is agreed on either side."""

    def __init__(self, gatepost, upstream, folder):
        self.gatepost, self.upstream = str(Path(gatepost).resolve()), upstream
        self.folder = Path(folder)

    def __enter__(self):
        """Its URL."""
        self.folder.mkdir(parents=True, exist_ok=True)
        config, ready = self.folder / "gatepost.toml", self.folder / "ready.json"
        ready.unlink(missing_ok=True)
        config.write_text(CONFIG.format(upstream=self.upstream.replace("ws:", "http:")))
        words = [self.gatepost, "serve", "--state", self.folder / "state", "--config", config, "--ready", ready]
        with open(self.folder / "gateway.log", "w") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        end = time.monotonic() + 30
        while time.monotonic() < end and self.process.poll() is None:
            try:
                return json.loads(ready.read_text())["url"].rstrip("/").replace("http:", "ws:")
            except (FileNotFoundError, json.JSONDecodeError):
                time.sleep(0.02)
        self.__exit__()
        raise SystemExit(f"the gateway does not listen; see {self.folder}/gateway.log")

    __exit__ = Server.__exit__
