"""Apache httpd from Debian in one folder: TLS, HTTP/2, and places behind its own Digest and mod_auth_gssapi."""

import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from gateway import until
from peers import free_port

MODULES = Path("/usr/lib/apache2/modules")

CONFIG = """
ServerRoot {folder}
ServerName localhost
PidFile {folder}/run/httpd.pid
Mutex file:{folder}/run default
DefaultRuntimeDir {folder}/run
ErrorLog {folder}/run/error.log
User www-data
Group www-data
{modules}
StartServers 1
ServerLimit 1
ThreadsPerChild 8
MaxRequestWorkers 8
AcceptFilter https none
DocumentRoot {folder}/www
DirectoryIndex index.html
Protocols h2 http/1.1
Listen 127.0.0.1:{port} https
SSLEngine on
SSLCertificateFile {folder}/own.pem
SSLCertificateKeyFile {folder}/own.key
TypesConfig /dev/null
<Directory {folder}/www>
  Require all granted
</Directory>
Header always set X-User "expr=%{{REMOTE_USER}}"
{places}
"""

DIGEST = """
<Location /digest>
  AuthType Digest
  AuthName "{realm}"
  AuthDigestDomain /digest
  AuthDigestProvider file
  AuthUserFile {folder}/htdigest
  Require valid-user
</Location>
"""

# The same place without TLS, too.
NEGOTIATE = """
LogLevel warn auth_gssapi:info
LoadModule auth_gssapi_module {modules}/mod_auth_gssapi.so
<Location /negotiate>
  AuthType GSSAPI
  AuthName gatepost
  GssapiCredStore keytab:{keytab}
  GssapiAcceptorName HTTP@localhost
  GssapiAllowedMech krb5
  Require valid-user
</Location>
AcceptFilter http none
Listen 127.0.0.1:{port} http
<VirtualHost 127.0.0.1:{port}>
  SSLEngine off
</VirtualHost>
"""

NAMES = ["mpm_event", "authn_core", "authn_file", "authz_core", "authz_user", "auth_digest", "ssl", "socache_shmcb",
         "mime", "dir", "headers", "http2"]  # fmt: skip


class Apache:
    """One server with these users, as pairs of name and password, in this realm. With a KDC, `/negotiate` is for whoever
    has a ticket of its realm for HTTP@localhost, and also at `plain_url`."""

    # It takes no answer for a realm with a quote in it.
    REALM = "the house"

    def __init__(self, own, users, kdc=None):
        # Its workers are www-data, who may not look into the folder of whoever runs the tests.
        self.folder = Path(tempfile.mkdtemp(prefix="gatepost-apache-"))
        self.folder.chmod(0o755)
        for name in ("run", "www", "www/digest", "www/negotiate"):
            (self.folder / name).mkdir()
        (self.folder / "run").chmod(0o777)
        for name in ("www", "www/digest", "www/negotiate"):
            (self.folder / name / "index.html").write_text(f"hello from {name}\n")
        for path, name in zip(own, ("own.pem", "own.key"), strict=True):
            shutil.copyfile(path, self.folder / name)
        (self.folder / "htdigest").write_text("".join(self._record(*user) for user in users))
        self.port = free_port()
        self.url = f"https://localhost:{self.port}"
        self.kdc, self.plain_url = kdc, None
        self.process = None
        self._start()

    def _record(self, name, password):
        return f"{name}:{self.REALM}:{hashlib.md5(f'{name}:{self.REALM}:{password}'.encode()).hexdigest()}\n"

    def _start(self):
        modules = "\n".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in NAMES)
        places = DIGEST.format(folder=self.folder, realm=self.REALM)
        env = os.environ | {"LC_ALL": "C"}
        if self.kdc:
            port = free_port()
            self.plain_url = f"http://localhost:{port}"
            places += NEGOTIATE.format(modules=MODULES, keytab=self.kdc.keytab, port=port)
            # Its workers may not write where whoever runs the tests records what was used.
            env |= self.kdc.env | {"KRB5RCACHEDIR": str(self.folder / "run")}
        config = self.folder / "httpd.conf"
        config.write_text(CONFIG.format(folder=self.folder, modules=modules, port=self.port, places=places))
        with open(self.folder / "out.log", "wb") as log:
            self.process = subprocess.Popen(
                ["apache2", "-f", config, "-DFOREGROUND"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=env,
            )
        until("Apache listens", self._listens)

    def _listens(self):
        assert self.process.poll() is None, (self.folder / "out.log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def errors(self):
        return (self.folder / "run/error.log").read_text()

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        shutil.rmtree(self.folder)
