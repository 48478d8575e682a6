"""Certificates made by OpenSSL, good ones and bad ones."""

import subprocess

CONFIG = """
[ca]
default_ca = here
[here]
dir = {folder}
new_certs_dir = {folder}
database = {folder}/index.txt
serial = {folder}/serial
crlnumber = {folder}/crlnumber
default_md = sha256
default_crl_days = 30
policy = any
unique_subject = no
email_in_dn = no
[any]
commonName = supplied
"""
LEAF = ("basicConstraints=critical,CA:FALSE", "extendedKeyUsage=serverAuth")
ISSUER = ("basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign")


def openssl(*words, cwd=None):
    done = subprocess.run(["openssl", *map(str, words)], cwd=cwd, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"openssl {words}: {done.stderr}"
    return done.stdout


class Authority:
    """An authority with a folder of its own. `above` has issued it; without, it is a root."""

    made = 0

    def __init__(self, folder, above=None, extensions=ISSUER):
        Authority.made += 1
        self.folder, self.above = folder / f"authority-{Authority.made}", above
        self.folder.mkdir(parents=True)
        (self.folder / "index.txt").touch()
        (self.folder / "crlnumber").write_text("01\n")
        (self.folder / "serial").write_text("1000\n")
        (self.folder / "ca.cnf").write_text(CONFIG.format(folder=self.folder))
        name = f"Authority {Authority.made}"
        self.cert, self.key = (above or self)._sign(self.folder, name, extensions, by_itself=above is None)

    def leaf(self, names=("DNS:localhost",), extensions=LEAF, common="leaf", **how):
        """A server's certificate and its key."""
        subject = [f"subjectAltName={','.join(names)}"] if names else []
        folder = self.folder / f"leaf-{len(list(self.folder.iterdir()))}"
        folder.mkdir()
        return self._sign(folder, common, [*extensions, *subject], **how)

    def chain(self):
        """Its own certificate and those above it but for the root, as PEM."""
        return "" if self.above is None else self.cert.read_text() + self.above.chain()

    def revoke(self, cert):
        """Takes a certificate back; its list."""
        words = ["ca", "-config", self.folder / "ca.cnf", "-cert", self.cert, "-keyfile", self.key]
        openssl(*words, "-revoke", cert)
        openssl(*words, "-gencrl", "-out", self.folder / "list.pem")
        return self.folder / "list.pem"

    def _sign(self, folder, common, extensions, by_itself=False, start=None, end="491231235959Z", key=None, digest="sha256"):
        cert, pem, request = folder / "cert.pem", folder / "key.pem", folder / "request.pem"
        (folder / "extensions.cnf").write_text("\n".join(extensions) + "\n")
        kind = key or ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        openssl("req", "-new", "-newkey", *kind, "-nodes", "-subj", f"/CN={common}", "-keyout", pem, "-out", request)
        signer = ["-selfsign", "-keyfile", pem] if by_itself else ["-cert", self.cert, "-keyfile", self.key]
        span = ["-startdate", start or "200101000000Z", "-enddate", end]
        openssl(
            "ca", "-batch", "-notext", "-config", self.folder / "ca.cnf", "-in", request, "-out", cert, "-md", digest,
            "-extfile", folder / "extensions.cnf", *signer, *span,
        )  # fmt: skip
        return cert, pem
