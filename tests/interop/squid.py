"""Squid from Debian as a forward proxy that asks for Digest, or for NTLM."""

import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from gateway import until
from peers import free_port

CONFIG = """
http_port 127.0.0.1:{port}
{asks}
acl loop dst 127.0.0.0/8 ::1
acl authed proxy_auth REQUIRED
http_access deny !loop
http_access deny !authed
http_access allow loop
http_access deny all
cache deny all
cache_mem 1 MB
access_log stdio:{folder}/run/access.log
cache_log {folder}/run/cache.log
pid_filename {folder}/run/squid.pid
coredump_dir {folder}/run
cache_effective_user proxy
visible_hostname gatepost
shutdown_lifetime 0 seconds
dns_nameservers 127.0.0.1
hosts_file /etc/hosts
max_filedescriptors 1024
pinger_enable off
"""


DIGEST = """
auth_param digest program /usr/lib/squid/digest_file_auth -c {folder}/htdigest
auth_param digest children 2 startup=1 idle=1
auth_param digest realm {realm}
"""

# It takes every password: there is no domain to ask. But the legs have to be in order, on one connection.
NTLM = """
auth_param ntlm program /usr/lib/squid/ntlm_fake_auth
auth_param ntlm children 2 startup=1 idle=1
auth_param ntlm keep_alive on
"""


class Squid:
    """One proxy with these users, as pairs of name and password. What it `asks` for is `DIGEST` or `NTLM`."""

    REALM = "the way out"

    def __init__(self, users=(), asks=DIGEST):
        # It runs as `proxy`, who may not look into the folder of whoever runs the tests.
        self.folder = Path(tempfile.mkdtemp(prefix="gatepost-squid-"))
        self.folder.chmod(0o755)
        (self.folder / "run").mkdir()
        (self.folder / "run").chmod(0o777)
        digest = [hashlib.md5(f"{name}:{self.REALM}:{password}".encode()).hexdigest() for name, password in users]
        lines = [f"{name}:{self.REALM}:{record}\n" for (name, _), record in zip(users, digest, strict=True)]
        (self.folder / "htdigest").write_text("".join(lines))
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        config = self.folder / "squid.conf"
        asks = asks.format(folder=self.folder, realm=self.REALM)
        config.write_text(CONFIG.format(folder=self.folder, port=self.port, asks=asks))
        # The name keeps its shared memory apart from that of another Squid.
        words = ["squid", "-N", "-n", f"gp{os.getpid()}p{self.port}", "-f", config]
        with open(self.folder / "out.log", "wb") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until("Squid listens", self._listens, 30)

    def _listens(self):
        assert self.process.poll() is None, (self.folder / "out.log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def seen(self):
        """What its log says of each request: `TCP_TUNNEL/200 … CONNECT host:port alice …`."""
        log = self.folder / "run/access.log"
        return log.read_text().splitlines() if log.exists() else []

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        shutil.rmtree(self.folder)
