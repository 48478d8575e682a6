"""Apache httpd with mod_auth_gssapi behind TLS and without, on loopback, in a folder of its own."""

import socket
import subprocess
from pathlib import Path

from gateway import until
from peers import free_port, own_certificate

MODULES = Path("/usr/lib/apache2/modules")

NAMES = [
    "mpm_event", "authn_core", "authz_core", "authz_user", "auth_gssapi", "ssl", "socache_shmcb", "dir", "headers",
    "http2",
]

CONFIG = """
ServerRoot {folder}
ServerName localhost
PidFile {folder}/run/httpd.pid
Mutex file:{folder}/run default
DefaultRuntimeDir {folder}/run
ErrorLog {folder}/error.log
LogLevel warn auth_gssapi:info
User {user}
Group {group}
{modules}
StartServers 1
ServerLimit 1
ThreadsPerChild 8
MaxRequestWorkers 8
MinSpareThreads 1
MaxSpareThreads 8
AcceptFilter http none
AcceptFilter https none
DocumentRoot {folder}/www
DirectoryIndex index.html
Protocols h2 http/1.1
Listen 127.0.0.1:{http}
Listen 127.0.0.1:{https}
SSLSessionCache none
Header always set X-User "expr=%{{REMOTE_USER}}"
<Directory {folder}/www>
  Require all granted
</Directory>
<Location /negotiate>
  AuthType GSSAPI
  AuthName gatepost
  GssapiCredStore keytab:{keytab}
  GssapiAcceptorName HTTP@localhost
  GssapiAllowedMech krb5
  Require valid-user
</Location>
<VirtualHost 127.0.0.1:{http}>
</VirtualHost>
<VirtualHost 127.0.0.1:{https}>
  SSLEngine on
  SSLCertificateFile {certificate}
  SSLCertificateKeyFile {key}
</VirtualHost>
"""


class Apache:
    """`/negotiate/` is for whoever has a ticket for HTTP@localhost; `X-User` says who that was."""

    def __init__(self, folder, kdc):
        self.folder = Path(folder)
        self.ports = free_port(), free_port()
        self.http, self.https = (f"{scheme}://localhost:{port}" for scheme, port in zip(("http", "https"), self.ports))
        for name in ("run", "www", "www/negotiate"):
            (self.folder / name).mkdir()
        (self.folder / "www/negotiate/index.html").write_text("hello from apache\n")
        self.ca, key = own_certificate(self.folder)
        # Where the tests are root's, its children are not.
        (self.folder / "run").chmod(0o777)
        config = self.folder / "httpd.conf"
        modules = "\n".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in NAMES)
        words = {"folder": self.folder, "modules": modules, "keytab": kdc.keytab, "certificate": self.ca, "key": key}
        words |= {"http": self.ports[0], "https": self.ports[1], "user": "www-data", "group": "www-data"}
        config.write_text(CONFIG.format(**words))
        env = kdc.env | {"KRB5RCACHEDIR": str(self.folder / "run")}
        with open(self.folder / "out.log", "wb") as out:
            words = ["apache2", "-f", config, "-DFOREGROUND"]
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env)
        until("Apache listens", self._listens)

    def _listens(self):
        logs = [self.folder / name for name in ("out.log", "error.log")]
        assert self.process.poll() is None, "".join(log.read_text() for log in logs if log.exists())
        for port in self.ports:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) != 0:
                    return False
        return True

    def errors(self):
        return (self.folder / "error.log").read_text()

    def stop(self):
        self.process.terminate()
        self.process.wait(15)
