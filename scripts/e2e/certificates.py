"""A certification authority of a test's own, and certificates that it issued, by OpenSSL."""

import subprocess


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=60)


class Authority:
    """Its files stand in `folder`; `certificate` is what a client is told to believe."""

    def __init__(self, folder, name="Test Authority"):
        self.folder, self.certificate, self._key = folder, folder / f"{name}.pem", folder / f"{name}.key"
        openssl("req", "-x509", *_new_key(self._key), "-days", "2", "-subj", f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE",
                "-out", self.certificate)

    def issue(self, address):
        """(certificate, key) for an address such as 127.0.0.1."""
        stem = self.folder / f"{self.certificate.stem} {address}"
        certificate, key, request, extensions = (stem.with_name(stem.name + end) for end in (".pem", ".key", ".csr", ".ext"))
        extensions.write_text(f"subjectAltName=IP:{address}\n")
        openssl("req", *_new_key(key), "-subj", f"/CN={address}", "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._key, "-CAcreateserial", "-days", "2",
                "-extfile", extensions, "-out", certificate)
        return certificate, key


def _new_key(path):
    return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path)
