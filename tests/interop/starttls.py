"""Debian's servers of the protocols with STARTTLS, each in a folder of its own, and as no daemon of the machine."""

import glob
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest
from gateway import until
from peers import free_port

EXIM = """
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
spool_directory = {folder}/spool
log_file_path = {folder}/log/%s
pid_file_path = {folder}/exim.pid
tls_advertise_hosts = *
tls_certificate = {cert}
tls_privatekey = {key}
primary_hostname = localhost
acl_smtp_connect = accept
acl_smtp_rcpt = deny
begin acl
begin routers
begin transports
"""

DOVECOT = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = {protocol}
listen = 127.0.0.1
ssl = required
ssl_cert = <{cert}
ssl_key = <{key}
service {protocol}-login {{
  inet_listener {protocol} {{
    port = {port}
  }}
  inet_listener {protocol}s {{
    port = 0
  }}
}}
passdb {{
  driver = static
  args = password=sesame
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={folder}/home
}}
mail_location = maildir:{folder}/home/mail
"""

SLAPD = """
include /etc/ldap/schema/core.schema
pidfile {folder}/slapd.pid
TLSCertificateFile {cert}
TLSCertificateKeyFile {key}
"""

PROSODY = """
daemonize = false
run_as_root = true
pidfile = "{folder}/prosody.pid"
data_path = "{folder}/data"
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {port} }}
s2s_ports = {{ }}
http_ports = {{ }}
https_ports = {{ }}
modules_enabled = {{ "tls", "saslauth", "disco" }}
modules_disabled = {{ "s2s" }}
c2s_require_encryption = true
log = {{ info = "{folder}/prosody.log" }}
ssl = {{ certificate = "{cert}", key = "{key}" }}
VirtualHost "localhost"
"""

VSFTPD = """
listen=YES
listen_address=127.0.0.1
listen_port={port}
background=NO
run_as_launching_user=YES
secure_chroot_dir={folder}
anonymous_enable=YES
local_enable=NO
anon_root={folder}
ssl_enable=YES
ssl_tlsv1=YES
ssl_ciphers=HIGH
allow_anon_ssl=YES
rsa_cert_file={cert}
rsa_private_key_file={key}
"""


class Server:
    """A server with a certificate for localhost on a port of its own. `stop` ends it."""

    def __init__(self, leaf):
        if os.geteuid() != 0:
            pytest.skip("Debian's servers drop the rights of root, and have none to drop here")
        # Not below pytest's folders: several of them drop their rights, and then cannot get in there.
        self.folder = Path(tempfile.mkdtemp(prefix="gatepost-"))
        self.folder.chmod(0o755)
        self.port = free_port()
        self.cert, self.key = self.folder / "cert.pem", self.folder / "key.pem"
        shutil.copy(leaf[0], self.cert)
        shutil.copy(leaf[1], self.key)
        self.process = None

    def start(self, *words, **how):
        log = (self.folder / "output.log").open("wb")
        environment = os.environ | {"LC_ALL": "C", "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
        how = {"env": environment, "stdin": subprocess.DEVNULL, "stdout": log, "stderr": log} | how
        self.process = subprocess.Popen([str(word) for word in words], **how)
        until(f"{words[0]} listens", self._listens, 60)
        return self

    def _listens(self):
        logs = [path for path in self.folder.rglob("*log*") if path.is_file()]
        assert self.process.poll() is None, "\n".join(path.read_text(errors="replace") for path in logs)
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def config(self, name, text, **more):
        path = self.folder / name
        path.write_text(text.format(folder=self.folder, port=self.port, cert=self.cert, key=self.key, **more))
        return path

    def stop(self):
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)


def exim(leaf):
    server = Server(leaf)
    for name in ("spool", "log"):
        (server.folder / name).mkdir()
        shutil.chown(server.folder / name, "Debian-exim", "Debian-exim")
    shutil.chown(server.key, "Debian-exim")
    return server.start("exim4", "-bdf", "-C", server.config("exim.conf", EXIM))


def dovecot(leaf, protocol):
    server = Server(leaf)
    return server.start("dovecot", "-F", "-c", server.config("dovecot.conf", DOVECOT, protocol=protocol))


def slapd(leaf):
    server = Server(leaf)
    config = server.config("slapd.conf", SLAPD)
    return server.start("slapd", "-d", "0", "-h", f"ldap://127.0.0.1:{server.port}", "-f", config)


def prosody(leaf):
    server = Server(leaf)
    (server.folder / "data").mkdir()
    return server.start("prosody", "-F", "--config", server.config("prosody.cfg.lua", PROSODY))


def vsftpd(leaf):
    server = Server(leaf)
    return server.start("vsftpd", server.config("vsftpd.conf", VSFTPD))


def mariadb(leaf):
    server = Server(leaf)
    data = server.folder / "data"
    data.mkdir()
    return server.start(
        "mariadbd", "--no-defaults", "--user=root", "--skip-grant-tables", "--skip-networking=0", "--skip-innodb",
        "--default-storage-engine=MyISAM", f"--datadir={data}", f"--socket={server.folder}/socket", "--bind-address=127.0.0.1",
        f"--port={server.port}", f"--ssl-cert={server.cert}", f"--ssl-key={server.key}",
    )  # fmt: skip


def postgres(leaf):
    server = Server(leaf)
    # It does not run as root.
    folder, who = server.folder / "data", {"user": "postgres", "group": "postgres"}
    for path in (server.folder, server.key):
        shutil.chown(path, "postgres", "postgres")
    server.key.chmod(0o600)
    programs = Path(sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1])
    words = [programs / "initdb", "--no-sync", "--auth=trust", "--username=demo", "--pgdata", folder]
    made = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False, cwd=server.folder, **who)
    assert made.returncode == 0, made.stderr
    options = {
        "port": server.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": server.folder, "fsync": "off",
        "ssl": "on", "ssl_cert_file": server.cert, "ssl_key_file": server.key,
    }  # fmt: skip
    settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    return server.start(programs / "postgres", "-D", folder, *settings, cwd=server.folder, **who)


def microsocks(leaf, login=None):
    """A SOCKS5 proxy; `login` is the name and the password that it asks for."""
    server = Server(leaf)
    asks = ["-u", login[0], "-P", login[1]] if login else []
    return server.start("microsocks", "-i", "127.0.0.1", "-p", server.port, *asks)


ALL = {
    "smtp": exim,
    "imap": lambda leaf: dovecot(leaf, "imap"),
    "pop3": lambda leaf: dovecot(leaf, "pop3"),
    "ftp": vsftpd,
    "xmpp": prosody,
    "ldap": slapd,
    "postgres": postgres,
    "mysql": mariadb,
}
