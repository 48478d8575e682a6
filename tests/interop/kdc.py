"""MIT krb5's KDC for a realm of its own, on loopback, with a database in a folder of its own."""

import os
import socket
import subprocess
from pathlib import Path

from gateway import until
from peers import free_port

REALM = "GATEPOST.TEST"
PASSWORD = "correct horse"

CLIENT = """
[libdefaults]
  default_realm = {realm}
  dns_lookup_realm = false
  dns_lookup_kdc = false
  dns_canonicalize_hostname = false
  rdns = false
  udp_preference_limit = 1
  default_ccache_name = FILE:{folder}/default.ccache
[realms]
  {realm} = {{
    kdc = 127.0.0.1:{port}
  }}
[domain_realm]
  localhost = {realm}
  127.0.0.1 = {realm}
  .gatepost.test = {realm}
"""

SERVER = """
[kdcdefaults]
  kdc_listen = ""
  kdc_tcp_listen = 127.0.0.1:{port}
[realms]
  {realm} = {{
    database_name = {folder}/principal
    key_stash_file = {folder}/stash
    acl_file = {folder}/acl
    max_life = 10h
    supported_enctypes = aes256-cts-hmac-sha1-96:normal aes128-cts-hmac-sha1-96:normal
  }}
[logging]
  kdc = FILE:{folder}/kdc.log
  default = FILE:{folder}/kdc.log
"""

PRINCIPALS = f"""
addprinc +requires_preauth -pw "{PASSWORD}" alice
addprinc +requires_preauth -pw "{PASSWORD}" -pwexpire "2020-01-01" carol
addprinc -randkey HTTP/localhost
addprinc -randkey HTTP/127.0.0.1
addprinc -randkey HTTP/www.gatepost.test
ktadd -q -k {{folder}}/http.keytab HTTP/localhost HTTP/127.0.0.1 HTTP/www.gatepost.test
ktadd -q -norandkey -k {{folder}}/alice.keytab alice
"""


class Kdc:
    """alice has a password and a keytab; carol's password has expired; `http.keytab` is that of the services."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.port = free_port()
        self.config = self.client_config("krb5.conf", self.port)
        words = {"folder": self.folder, "realm": REALM, "port": self.port}
        (self.folder / "kdc.conf").write_text(SERVER.format(**words))
        self.keytab = self.folder / "http.keytab"
        self.user_keytab = self.folder / "alice.keytab"
        self._run("kdb5_util", "-r", REALM, "create", "-s", "-P", "master of a test")
        self._run("kadmin.local", "-r", REALM, said=PRINCIPALS.format(folder=self.folder))
        # Apache's children read it as another user.
        self.keytab.chmod(0o644)
        with open(self.folder / "out.log", "wb") as out:
            self.process = subprocess.Popen(
                ["krb5kdc", "-n", "-r", REALM], stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=self.env
            )
        until("the KDC listens", self._listens)

    @property
    def env(self):
        """The environment of whoever uses this realm. Replays are recorded in its folder."""
        mine = {"KRB5_CONFIG": self.config, "KRB5_KDC_PROFILE": self.folder / "kdc.conf", "KRB5RCACHEDIR": self.folder}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("KRB5")}
        return kept | {name: str(value) for name, value in mine.items()} | {"LC_ALL": "C"}

    def client_config(self, name, port):
        """A krb5.conf that looks for the KDC at this port."""
        path = self.folder / name
        path.write_text(CLIENT.format(folder=self.folder, realm=REALM, port=port))
        return path

    def tickets(self, path):
        """What `kinit` writes for alice."""
        self._run("kinit", "-c", path, "alice", said=PASSWORD + "\n")
        return path

    def _run(self, *words, said=""):
        ran = subprocess.run(
            [*map(str, words)], input=said, capture_output=True, text=True, timeout=60, env=self.env, check=False
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr

    def _listens(self):
        assert self.process.poll() is None, (self.folder / "out.log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
