"""deploy/nginx/lading.conf is a recipe that works: a real nginx with TLS in front of a real Lading."""

from __future__ import annotations

import datetime
import getpass
import ipaddress
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

RECIPE = Path(__file__).parents[2] / "deploy" / "nginx" / "lading.conf"


@pytest.fixture
def front(up, tmp_path: Path) -> Iterator[tuple[str, httpx2.Client, str]]:
    """Start Lading and nginx; give the address behind TLS, a client that trusts it, and the admin's token."""
    if shutil.which("nginx") is None:
        pytest.skip("nginx is not installed")
    tree = up()
    plain, secure = _free_port(), _free_port()
    certificate, key = _certificate(tmp_path)
    recipe = RECIPE.read_text("utf-8")
    for before, after in {
        "server 127.0.0.1:8080": f"server {tree.url.removeprefix('http://')}",
        "    listen 80;\n    listen [::]:80;": f"    listen 127.0.0.1:{plain};",
        "    listen 443 ssl http2;\n    listen [::]:443 ssl http2;": f"    listen 127.0.0.1:{secure} ssl http2;",
        "lading.example.org": "127.0.0.1",
        "/etc/lading/tls/fullchain.pem": str(certificate),
        "/etc/lading/tls/privkey.pem": str(key),
        "/var/log/nginx/lading.log": str(tmp_path / "access.log"),
    }.items():
        assert before in recipe
        recipe = recipe.replace(before, after)
    whole = tmp_path / "nginx.conf"
    whole.write_text(
        f"user {getpass.getuser()}; pid {tmp_path}/pid; error_log stderr; worker_processes 1; daemon off;\n"
        f"events {{}}\nhttp {{\n"
        f"client_body_temp_path {tmp_path}/body; proxy_temp_path {tmp_path}/proxy;\n"
        f"fastcgi_temp_path {tmp_path}/f; uwsgi_temp_path {tmp_path}/u; scgi_temp_path {tmp_path}/s;\n{recipe}\n}}\n"
    )
    process = subprocess.Popen(["nginx", "-c", whole, "-p", tmp_path], stderr=subprocess.PIPE)
    try:
        trust = ssl.create_default_context(cafile=str(certificate))
        with httpx2.Client(base_url=f"https://127.0.0.1:{secure}", verify=trust, trust_env=False, timeout=60) as client:
            _until_listening(secure, process)
            yield f"http://127.0.0.1:{plain}", client, tree.token
    finally:
        process.terminate()
        process.communicate(timeout=60)


def test_the_recipe_serves_lading_over_tls_and_leaves_answers_as_they_are(front, tmp_path: Path) -> None:
    plain, client, token = front
    headers = {"Authorization": f"Bearer {token}"}

    assert client.get("/readyz").status_code == 200
    moved = httpx2.get(f"{plain}/api/v1/me?x=1", trust_env=False, timeout=60)
    assert (moved.status_code, moved.headers["location"]) == (308, "https://127.0.0.1/api/v1/me?x=1")
    me = client.get("/api/v1/me?secret=hunter2", headers=headers)
    assert me.status_code in {200, 422}
    assert client.get("/api/v1/links/ldl_hunter2").status_code == 404  # the secret of a link is a part of its path
    assert me.headers["strict-transport-security"]
    refused = client.post("/api/v1/tenants", headers=headers, content=b"x" * (3 << 20))
    assert refused.status_code == 413
    assert refused.headers["content-type"].startswith("application/problem+json")
    assert "hunter2" not in (tmp_path / "access.log").read_text("utf-8")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def _until_listening(port: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=60).close()
        except ConnectionRefusedError:
            continue
        return
    assert process.stderr is not None
    raise AssertionError(process.stderr.read().decode())


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "lading test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "fullchain.pem", folder / "privkey.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths
