"""Debian's HAProxy in one process, in front of the gateway or behind it."""

import os
import socket
import subprocess
from pathlib import Path

from gateway import until
from peers import free_port

FRONT = """
global
    maxconn 64
defaults
    mode tcp
    timeout connect 5s
    timeout client 20s
    timeout server 20s
listen in
    bind 127.0.0.1:{port}
    server gateway 127.0.0.1:{target} {how}
"""

BEHIND = """
global
    maxconn 64
defaults
    mode http
    timeout connect 5s
    timeout client 20s
    timeout server 20s
frontend in
    bind 127.0.0.1:{port} accept-proxy
    http-request return status 200 content-type text/plain lf-string "%[src] %[dst_port]"
"""


class HAProxy:
    """HAProxy with this configuration, which names its port and where it goes."""

    def __init__(self, folder, config, **names):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        path = self.folder / "haproxy.cfg"
        path.write_text(config.format(port=self.port, **names))
        with open(self.folder / "out.log", "ab") as out:
            self.process = subprocess.Popen(
                ["haproxy", "-db", "-f", path], stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=os.environ | {"LC_ALL": "C"}
            )
        until("HAProxy listens", self._listens)

    def _listens(self):
        assert self.process.poll() is None, (self.folder / "out.log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
