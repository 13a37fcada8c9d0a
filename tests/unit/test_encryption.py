"""What is encrypted can be read by its recipients and nobody else, by tools that are not ours too."""  # E17

from __future__ import annotations

import io
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pyrage
import pytest

from lading.artifacts import age
from lading.errors import InvalidInput, PackageInvalid
from lading.exports.recipients import check_recipients

PLAIN = random.Random(3).randbytes(300_000)


@pytest.fixture
def identity(tmp_path: Path) -> tuple[Path, str]:
    """A key pair: the file with the secret key, and the public key."""
    made = pyrage.x25519.Identity.generate()
    path = tmp_path / "key.txt"
    path.write_text(f"# a key\n{made}\n")
    return path, str(made.to_public())


def encrypted(tmp_path: Path, *recipients: str) -> Path:
    path = tmp_path / "package.zip.age"
    with path.open("wb") as sink:
        age.encrypt(io.BytesIO(PLAIN), sink, recipients)
    return path


def test_the_age_tool_reads_what_we_encrypt(tmp_path: Path, identity: tuple[Path, str]) -> None:  # E17
    tool = shutil.which("age")
    if tool is None:
        pytest.skip("the age tool is not installed: apt-get install age")
    path = encrypted(tmp_path, identity[1])

    done = subprocess.run([tool, "-d", "-i", identity[0], path], capture_output=True, check=True)

    assert done.stdout == PLAIN


def test_the_age_tool_encrypts_what_we_read(tmp_path: Path, identity: tuple[Path, str]) -> None:  # E17
    tool = shutil.which("age")
    if tool is None:
        pytest.skip("the age tool is not installed: apt-get install age")
    path = tmp_path / "theirs.age"
    subprocess.run([tool, "-r", identity[1], "-o", path, "-"], input=PLAIN, check=True)

    sink = io.BytesIO()
    with path.open("rb") as source:
        age.decrypt(source, sink, identity[0])

    assert sink.getvalue() == PLAIN


def test_an_ssh_key_reads_what_is_encrypted_to_it(tmp_path: Path) -> None:  # E17
    tool = shutil.which("ssh-keygen")
    if tool is None:
        pytest.skip("ssh-keygen is not installed: apt-get install openssh-client")
    key = tmp_path / "id"
    subprocess.run([tool, "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    path = encrypted(tmp_path, key.with_suffix(".pub").read_text().strip())

    sink = io.BytesIO()
    with path.open("rb") as source:
        age.decrypt(source, sink, key)

    assert sink.getvalue() == PLAIN


def test_every_recipient_reads_it_and_a_stranger_does_not(tmp_path: Path, identity: tuple[Path, str]) -> None:  # E17
    other, stranger = pyrage.x25519.Identity.generate(), tmp_path / "stranger.txt"
    stranger.write_text(str(pyrage.x25519.Identity.generate()))
    path = encrypted(tmp_path, identity[1], str(other.to_public()))

    assert pyrage.decrypt(path.read_bytes(), [other]) == PLAIN
    with path.open("rb") as source, pytest.raises(PackageInvalid, match="not encrypted to a key"):
        age.decrypt(source, io.BytesIO(), stranger)


def test_one_flipped_bit_is_found(tmp_path: Path, identity: tuple[Path, str]) -> None:  # E17
    content = bytearray(encrypted(tmp_path, identity[1]).read_bytes())
    content[-1000] ^= 1

    with pytest.raises(PackageInvalid):
        age.decrypt(io.BytesIO(content), io.BytesIO(), identity[0])


@pytest.mark.parametrize(
    "text", ["age1ann", "ssh-rsa AAAAB3Nz", "", "AGE-SECRET-KEY-1QQ", "age1\n", "é" * 10, "a" * 900]
)
def test_what_is_no_public_key_is_refused_with_its_place(text: str, identity: tuple[Path, str]) -> None:  # E17
    with pytest.raises(InvalidInput) as caught:
        check_recipients("encrypt_to", [identity[1], text])

    assert [each.pointer for each in caught.value.errors] == ["/encrypt_to/1"]


def test_memory_does_not_grow_with_what_is_encrypted(tmp_path: Path, identity: tuple[Path, str]) -> None:  # E17, P10
    script = f"""
import io, sys
from lading.artifacts import age
class Zeros(io.RawIOBase):
    left = int(sys.argv[1]) << 20
    def read(self, size=-1):
        taken = min(size, self.left)
        self.left -= taken
        return bytes(taken)
class Nothing(io.RawIOBase):
    def write(self, data):
        return len(data)
age.encrypt(Zeros(), Nothing(), ["{identity[1]}"])
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
    peaks = [
        int(subprocess.run([sys.executable, "-c", script, size], capture_output=True, text=True, check=True).stdout)
        for size in ("1", "100")
    ]

    assert peaks[1] - peaks[0] < 20 << 10


def test_a_fault_of_a_file_comes_through_as_it_is(identity: tuple[Path, str]) -> None:  # E17
    class Broken(io.RawIOBase):
        def read(self, size: int = -1, /) -> bytes:
            raise KeyError("stopped")

    with pytest.raises(KeyError, match="stopped"):
        age.encrypt(Broken(), io.BytesIO(), [identity[1]])  # pyright: ignore[reportArgumentType]  # a raw stream will do
