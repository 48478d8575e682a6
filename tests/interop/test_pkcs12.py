"""PKCS #12 files between us, OpenSSL, and Java where it is."""

import shutil
import subprocess

import command
import pytest
from authority import Authority, openssl

WORD = "open sesame, ünsafe"
MODERN, LEGACY = (), ("-legacy",)
DES = ("-legacy", "-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES")


class Store:
    """A chain of two authorities and a leaf, and a state of ours."""

    def __init__(self, folder, word=WORD):
        self.root = Authority(folder)
        self.middle = Authority(self.root.folder, self.root)
        self.cert, self.key = self.middle.leaf()
        self.folder, self.state = folder, folder / "state"
        self.secret = folder / "secret.txt"
        self.secret.write_text(word)

    def made_by_openssl(self, *how):
        """A file of OpenSSL's; its chain in the wrong order."""
        path, others = self.folder / "theirs.p12", self.folder / "others.pem"
        others.write_text(self.root.cert.read_text() + self.middle.cert.read_text())
        openssl(
            "pkcs12", "-export", "-in", self.cert, "-inkey", self.key, "-certfile", others, "-out", path,
            "-passout", f"file:{self.secret}", *how,
        )  # fmt: skip
        return path

    def said(self, *words):
        done = command.gatepost(self.state, "cert", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def exported(self):
        path = self.folder / "ours.p12"
        self.said("bind", "localhost:1", "--cert", self._whole(), "--key", self.key)
        self.said("export", "localhost:1", "--pkcs12", path, "--password-file", self.secret)
        return path

    def _whole(self):
        path = self.folder / "whole.pem"
        path.write_text(self.cert.read_text() + self.middle.chain())
        return path


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


@pytest.mark.parametrize("how", [MODERN, LEGACY, DES], ids=["modern", "legacy", "triple DES"])
def test_what_openssl_wrote_is_imported(store, how):
    path = store.made_by_openssl(*how)
    store.said("import", path, "--password-file", store.secret)
    mark = openssl("x509", "-in", store.cert, "-noout", "-fingerprint", "-sha256").split("=")[1].strip()
    chain = store.said("export", mark)
    written = [pem.read_text() for pem in (store.cert, store.middle.cert, store.root.cert)]
    assert chain.split() == "".join(written).split(), "the leaf first, and then who issued it"


def test_what_we_wrote_is_read_by_openssl(store):
    path = store.exported()
    words = ("pkcs12", "-in", path, "-passin", f"file:{store.secret}")
    facts = subprocess.run(
        ["openssl", *map(str, words), "-info", "-noout"], capture_output=True, text=True, timeout=30, check=True
    ).stderr
    assert "MAC: sha256" in facts and facts.count("AES-256-CBC") == 2 and "RC2" not in facts, facts
    certificates = openssl(*words, "-nokeys")
    assert certificates.count("BEGIN CERTIFICATE") == 2
    theirs = openssl("pkey", "-in", store.key)
    assert theirs in openssl(*words, "-nocerts", "-nodes")


@pytest.mark.skipif(shutil.which("keytool") is None, reason="Java is not here")
def test_what_we_wrote_is_read_by_java(tmp_path):
    # It knows passwords of ASCII only.
    store = Store(tmp_path, "open sesame")
    listing = subprocess.run(
        ["keytool", "-list", "-v", "-storetype", "PKCS12", "-keystore", str(store.exported()),
         "-storepass:file", str(store.secret)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "PrivateKeyEntry" in listing.stdout and "Certificate chain length: 2" in listing.stdout, listing.stdout
