"""A time-stamp authority on this machine: OpenSSL's `ts`, with a small HTTP server before it."""

from __future__ import annotations

import datetime
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_CONFIGURATION = """
[tsa]
default_tsa = authority
[authority]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
ess_cert_id_alg = sha256
"""


class Authority:
    """What answers, and the roots that vouch for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.roots = folder / "ca.pem"
        self.fault = ""
        self.url = ""
        self.asked = 0
        _make_certificates(folder)
        (folder / "serial").write_text("01\n")
        (folder / "ts.cnf").write_text(_CONFIGURATION.format(folder=folder))

    def answer(self, question: bytes) -> bytes:
        """Return OpenSSL's answer to a request."""
        self.asked += 1
        (self.folder / "request.tsq").write_bytes(question)
        names = {name: str(self.folder / name) for name in ("ts.cnf", "request.tsq", "answer.tsr")}
        subprocess.run(
            ["openssl", "ts", "-reply", "-config", names["ts.cnf"], "-section", "authority",
             "-queryfile", names["request.tsq"], "-out", names["answer.tsr"]],
            check=True, capture_output=True,
        )  # fmt: skip
        return (self.folder / "answer.tsr").read_bytes()


@contextmanager
def running(folder: Path) -> Iterator[Authority]:
    """Run an authority below `folder`."""
    authority = Authority(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            question = self.rfile.read(int(self.headers["Content-Length"]))
            answer = authority.answer(question)
            match authority.fault:
                case "refuses":
                    self.send_response(503)
                    answer = b""
                case "garbles":
                    self.send_response(200)
                    answer = b"no stamp"
                case "changes":
                    self.send_response(200)
                    answer = answer[:-1] + bytes([answer[-1] ^ 1])
                case _:
                    self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its word
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    authority.url = f"http://127.0.0.1:{server.server_port}/tsa"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield authority
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _make_certificates(folder: Path) -> None:
    root_key, key = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    root_name, name = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, each)]) for each in ("Test root", "Test time stamps")
    )
    root = (
        _certificate(root_name, root_name, root_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    own = (
        _certificate(name, root_name, key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(root.public_bytes(Encoding.PEM))
    (folder / "tsa.pem").write_bytes(own.public_bytes(Encoding.PEM))
    (folder / "tsa.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _certificate(subject: x509.Name, issuer: x509.Name, key: rsa.RSAPrivateKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
    )
