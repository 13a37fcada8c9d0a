"""
Tools that are not ours accept a bundle, and refuse its twin in which something was changed.

Each proves a part of what `lading verify` proves, by code that somebody else wrote.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey
from tests import gopher, mutating
from tests.bundling import LOG, ORIGIN, PACKAGE, Key, bundle

from lading_verify import dsse, layout, minisign, notes, sshsig
from lading_verify.encoding import decode, from_base64

_ROOT = Path(__file__).parents[2]
_FOREIGN = _ROOT / "tests" / "foreign"


@dataclass(frozen=True)
class Bag:
    """A bundle, packed and unpacked, with room beside it for what a tool needs."""

    packed: Path
    folder: Path
    beside: Path
    made: dict[str, Path] = field(default_factory=dict)

    def given(self, name: str, data: bytes) -> Path:
        path = self.beside / name
        path.write_bytes(data)
        return path

    def read(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()


Verifier = Callable[[Bag], bool]
Change = Callable[[dict[str, bytes]], None]


def _ran(command: Sequence[object], *, stdin: bytes = b"", **given: object) -> bool:
    done = subprocess.run(
        [str(each) for each in command], input=stdin, capture_output=True, check=False, timeout=120, **given
    )
    assert done.returncode in {0, 1, 2, 255}, done.stderr.decode("utf-8", "replace")
    return done.returncode == 0


def _needs(program: str, package: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed: apt-get install {package}")


# --- the tools ------------------------------------------------------------------------------------


def sha256sum(bag: Bag) -> bool:
    return all(
        _ran(["sha256sum", "--check", "--strict", "--quiet", name], cwd=bag.folder)
        for name in (layout.PAYLOAD_SUMS, layout.TAG_SUMS)
    )


def unzip(bag: Bag) -> bool:
    _needs("unzip", "unzip")
    return _ran(["unzip", "-tq", bag.packed])


def ssh_keygen(bag: Bag) -> bool:
    _needs("ssh-keygen", "openssh-client")
    signers = bag.given("allowed_signers", sshsig.allowed_signers(PACKAGE.public.raw).encode())
    command = ["ssh-keygen", "-Y", "verify", "-f", signers, "-I", "lading", "-n", sshsig.NAMESPACE]
    return _ran([*command, "-s", bag.folder / layout.SSH_SIGNATURE], stdin=bag.read(layout.TAG_SUMS))


def minisign_tool(bag: Bag) -> bool:
    _needs("minisign", "minisign")
    key = bag.given("minisign.pub", minisign.public_file(PACKAGE.public.raw).encode())
    return _ran([
        "minisign", "-V", "-p", key, "-x", bag.folder / layout.MINISIGN_SIGNATURE, "-m", bag.folder / layout.TAG_SUMS,
    ])  # fmt: skip


def _openssl(bag: Bag, key: Key, message: bytes, signature: bytes) -> bool:
    _needs("openssl", "openssl")
    pem = key.secret.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    files = [bag.given("key.pem", pem), bag.given("message", message), bag.given("signature", signature)]
    return _ran(
        ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", files[0], "-rawin", "-in", files[1], "-sigfile", files[2]]
    )


def openssl_statement(bag: Bag) -> bool:
    envelope = decode(bag.read(layout.STATEMENT))
    message = dsse.pre_authentication(from_base64(envelope["payload"]))
    return _openssl(bag, PACKAGE, message, from_base64(envelope["signatures"][0]["sig"]))


def openssl_head(bag: Bag) -> bool:
    text, _, signatures = bag.read(layout.HEAD).decode().partition("\n\n")
    return _openssl(bag, LOG, f"{text}\n".encode(), from_base64(signatures.split()[2])[4:])


def bagit(bag: Bag) -> bool:
    program = "import sys, bagit\ntry: bagit.Bag(sys.argv[1]).validate()\nexcept bagit.BagError as e: sys.exit(str(e))"
    return _ran([sys.executable, "-c", program, bag.folder])


def securesystemslib(bag: Bag) -> bool:
    envelope = decode(bag.read(layout.STATEMENT))
    public = {"keyval": {"public": PACKAGE.public.raw.hex()}, "keytype": "ed25519", "scheme": "ed25519"}
    read = Envelope.from_dict(envelope)
    signatures = {PACKAGE.public.keyid: read.signatures[next(iter(read.signatures))]}
    try:
        Envelope(read.payload, read.payload_type, signatures).verify(
            [SSlibKey.from_dict(PACKAGE.public.keyid, public)], 1
        )
    except VerificationError:
        return False
    return True


def sigstore(bag: Bag) -> bool:
    modules = _ROOT / ".foreign" / "node_modules"
    if shutil.which("node") is None or not modules.is_dir():
        pytest.skip("@sigstore/verify is not installed; `make foreign` does it, where there is npm")
    pem = PACKAGE.secret.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    program = ["node", _FOREIGN / "sigstore.mjs", modules.parent]
    return _ran([*program, bag.folder / layout.STATEMENT, bag.given("key.pem", pem)])


@pytest.fixture(scope="session")
def go_program(tmp_path_factory: pytest.TempPathFactory) -> Path | None:
    return gopher.built("log", tmp_path_factory.mktemp("go"))


def go_log(bag: Bag) -> bool:
    if "go" not in bag.made:
        pytest.skip(gopher.MISSING)
    key = notes.verifier_key(ORIGIN, LOG.public.raw)
    return _ran([bag.made["go"], bag.folder / layout.HEAD, key, bag.folder / layout.HISTORY])


# --- what is changed ------------------------------------------------------------------------------


def a_line(files: dict[str, bytes]) -> None:
    files[layout.HISTORY] = files[layout.HISTORY].replace(b'"attempt":2', b'"attempt":3')


def a_line_and_its_sums(files: dict[str, bytes]) -> None:
    a_line(files)
    sums = layout.read_checksums(files[layout.PAYLOAD_SUMS])
    sums[layout.HISTORY] = hashlib.sha256(files[layout.HISTORY]).hexdigest()
    files[layout.PAYLOAD_SUMS] = layout.checksums(sums.items())
    tags = layout.read_checksums(files[layout.TAG_SUMS])
    tags[layout.PAYLOAD_SUMS] = hashlib.sha256(files[layout.PAYLOAD_SUMS]).hexdigest()
    files[layout.TAG_SUMS] = layout.checksums(tags.items())


def the_statement(files: dict[str, bytes]) -> None:
    envelope = decode(files[layout.STATEMENT])
    payload = from_base64(envelope["payload"]).replace(b"acme", b"evil")
    only = envelope["signatures"][0]
    files[layout.STATEMENT] = dsse.envelope(payload, only["keyid"], from_base64(only["sig"]))


def the_head(files: dict[str, bytes]) -> None:
    files[layout.HEAD] = files[layout.HEAD].replace(b"\n28\n", b"\n27\n")


_CASES: dict[str, tuple[Verifier, Change]] = {
    "sha256sum -c": (sha256sum, a_line),
    "unzip -t": (unzip, a_line),
    "ssh-keygen -Y verify": (ssh_keygen, a_line_and_its_sums),
    "minisign": (minisign_tool, a_line_and_its_sums),
    "openssl, statement": (openssl_statement, the_statement),
    "openssl, head": (openssl_head, the_head),
    "bagit.py": (bagit, a_line),
    "securesystemslib": (securesystemslib, the_statement),
    "@sigstore/verify": (sigstore, the_statement),
    "Go note": (go_log, the_head),
    "Go tlog": (go_log, a_line),
}


def _laid_out(data: bytes, files: dict[str, bytes], folder: Path, go: Path | None) -> Bag:
    packed, unpacked, beside = folder / "bundle.zip", folder / "bag", folder / "beside"
    beside.mkdir(parents=True)
    packed.write_bytes(data)
    for name, content in files.items():
        (unpacked / name).parent.mkdir(parents=True, exist_ok=True)
        (unpacked / name).write_bytes(content)
    return Bag(packed, unpacked, beside, {} if go is None else {"go": go})


@pytest.mark.parametrize("tool", _CASES)
def test_a_tool_that_is_not_ours_accepts_a_bundle_and_refuses_its_twin(tool, tmp_path: Path, go_program) -> None:  # A3
    verifier, change = _CASES[tool]
    data = bundle()
    files = mutating.unpacked(data)
    sample = _laid_out(data, files, tmp_path / "sample", go_program)
    twin = dict(files)
    change(twin)
    changed = data.replace(files[layout.HISTORY], twin[layout.HISTORY])
    tampered = _laid_out(changed, twin, tmp_path / "twin", go_program)

    assert twin != files
    assert verifier(sample)
    assert not verifier(tampered)
