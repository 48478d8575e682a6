"""ACME authorities that others wrote: Let's Encrypt's Pebble, and Caddy in a network of its own."""

import json
import os
import subprocess
from pathlib import Path

import requests
from authority import Authority
from gateway import until
from peers import free_port

EAB = ("kid-1", "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W")


class Program:
    """One process with a log, ended by its id."""

    def __init__(self, folder, name, words, environment=None):
        self.log = Path(folder) / f"{name}.log"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [str(word) for word in words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                env=os.environ | (environment or {}),
            )

    def is_up(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.log.name}: {self.log.read_text()}")
        return True

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)


class Pebble:
    """Let's Encrypt's authority for tests. Each name leads to 127.0.0.1, and it asks at the ports that it is told."""

    def __init__(self, folder, life=None, external=False):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        names, self.http, self.tls = free_port(), free_port(), free_port()
        address, management, dns = free_port(), free_port(), free_port()
        own = Authority(self.folder)
        cert, key = own.leaf(("DNS:localhost", "IP:127.0.0.1"))
        self.ca = own.cert
        self.directory = f"https://127.0.0.1:{address}/dir"
        self.management = f"https://127.0.0.1:{management}"
        config = {
            "listenAddress": f"127.0.0.1:{address}",
            "managementListenAddress": f"127.0.0.1:{management}",
            "certificate": str(cert),
            "privateKey": str(key),
            "httpPort": self.http,
            "tlsPort": self.tls,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": external,
            "externalAccountMACKeys": dict([EAB]) if external else {},
        }
        if life:
            config["certificateValidityPeriod"] = life
        (self.folder / "pebble.json").write_text(json.dumps({"pebble": config}))
        challenges = ["-http01", "", "-https01", "", "-tlsalpn01", ""]
        self.names = Program(
            self.folder,
            "names",
            ["pebble-challtestsrv", "-management", f"127.0.0.1:{names}", "-dns01", f"127.0.0.1:{dns}", "-defaultIPv6", "", *challenges],
        )
        settings = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_AUTHZREUSE": "0"}
        words = ["pebble", "-strict", "-config", self.folder / "pebble.json", "-dnsserver", f"127.0.0.1:{dns}"]
        self.server = Program(self.folder, "pebble", words, settings)
        until("Pebble answers", self._answers)

    def _answers(self):
        self.names.is_up()
        self.server.is_up()
        try:
            return requests.get(self.directory, verify=self.ca, timeout=5).ok
        except requests.ConnectionError:
            return False

    def root(self):
        """The file of the root that it issues under."""
        path = self.folder / "issuing.pem"
        path.write_text(requests.get(f"{self.management}/roots/0", verify=self.ca, timeout=5).text)
        return path

    def stop(self):
        self.server.stop()
        self.names.stop()


class Island:
    """A network with nothing but loopback, and host names of its own. Only root can make one."""

    def __init__(self, folder, *names):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        hosts = self.folder / "hosts"
        hosts.write_text(f"127.0.0.1 localhost {' '.join(names)}\n")
        script = f"ip link set lo up && mount --bind '{hosts}' /etc/hosts && touch up && exec sleep infinity"
        self.holder = Program(self.folder, "island", ["unshare", "--net", "--mount", "sh", "-ec", script])
        until("the network is up", lambda: self.holder.is_up() and (self.folder / "up").exists())

    def enter(self):
        """The command that starts another inside."""
        return ["nsenter", "--net", "--mount", "-t", str(self.holder.process.pid)]

    def run(self, *words, timeout=60, **how):
        """Runs a command inside, to its end."""
        words = [*self.enter(), *map(str, words)]
        return subprocess.run(words, capture_output=True, text=True, timeout=timeout, check=False, **how)

    def stop(self):
        self.holder.stop()


CADDY = """
{{
  admin off
  storage file_system {folder}/data
  skip_install_trust
  auto_https disable_redirects
  pki {{
    ca local {{
      name "Caddy"
    }}
  }}
}}
https://{host}:9443 {{
  tls {{
    issuer internal
  }}
  acme_server
}}
"""


class Caddy:
    """Caddy's ACME server, on an island: it asks at ports 80 and 443."""

    def __init__(self, island, host="ca.test"):
        self.folder = island.folder / "caddy"
        self.folder.mkdir()
        (self.folder / "Caddyfile").write_text(CADDY.format(folder=self.folder, host=host))
        words = [*island.enter(), "caddy", "run", "--config", self.folder / "Caddyfile", "--adapter", "caddyfile"]
        home = {"HOME": str(self.folder), "XDG_DATA_HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder)}
        self.server = Program(self.folder, "caddy", words, home)
        self.ca = self.folder / "data/pki/authorities/local/root.crt"
        self.directory = f"https://{host}:9443/acme/local/directory"
        self.island = island
        until("Caddy answers", self._answers, 20)

    def _answers(self):
        self.server.is_up()
        return self.ca.exists() and self.island.run("curl", "-sf", "--cacert", self.ca, self.directory).returncode == 0

    def stop(self):
        self.server.stop()
