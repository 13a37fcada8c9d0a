"""Keys that lie in a PKCS#11 token sign heads and packages, are rotated there, and never leave it."""  # A5

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from lading.errors import Conflict, SignerUnavailable
from lading.ledger import heads, rotation, signers
from lading.ledger.keys import Keys, load_or_create

_MODULES = [Path("/usr/lib/softhsm/libsofthsm2.so"), *Path("/usr/lib").glob("*/softhsm/libsofthsm2.so")]
_MODULE = next((each for each in _MODULES if each.exists()), None)
_PROGRAM = Path(__file__).parents[2] / "deploy" / "signers" / "pkcs11_signer.py"
_PIN = "428193"

pytestmark = pytest.mark.skipif(
    _MODULE is None or shutil.which("pkcs11-tool") is None or shutil.which("softhsm2-util") is None,
    reason="SoftHSM is not installed: apt-get install softhsm2 opensc",
)


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A token with one key for each purpose; makes another there."""
    (tmp_path / "tokens").mkdir()
    settings = tmp_path / "softhsm2.conf"
    settings.write_text(f"directories.tokendir = {tmp_path}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(settings))
    monkeypatch.setenv("PKCS11_PIN", _PIN)
    made = 0

    def another(label: str) -> None:
        nonlocal made
        made += 1
        ran(
            "pkcs11-tool", "--module", _MODULE, "--token-label", "lading", "--login", "--pin", _PIN, "--keypairgen",
            "--key-type", "EC:edwards25519", "--label", label, "--id", f"{made:02x}",
        )  # fmt: skip

    ran("softhsm2-util", "--init-token", "--free", "--label", "lading", "--so-pin", "11223344", "--pin", _PIN)
    for purpose in ("log", "package"):
        another(f"{purpose}-1")
    return another


def ran(*argv: object) -> None:
    subprocess.run([str(each) for each in argv], check=True, capture_output=True, timeout=60)


def opened(tmp_path: Path) -> Keys:
    text = shlex.join([sys.executable, str(_PROGRAM), str(_MODULE), "lading"])
    return load_or_create(tmp_path / "keys", "test", signers.command(text, seconds=60.0))


def test_a_token_signs_and_no_private_key_lies_here(tmp_path: Path, make: Callable[[str], None]) -> None:
    keys = opened(tmp_path)

    note = heads.sign("test/t/acme", 7, bytes(32), keys.log)
    signature = keys.package.sign(b"a package")

    assert heads.verify(note, keys.trust).keyid == keys.log.public.keyid
    assert keys.package.public.signed(b"a package", signature)
    assert keys.log.public.keyid != keys.package.public.keyid
    assert not list((tmp_path / "keys").glob("*.key"))


def test_keys_in_a_token_are_rotated_there_and_vouch_for_each_other(
    tmp_path: Path, make: Callable[[str], None]
) -> None:  # fmt: skip
    keys = opened(tmp_path)
    before = keys.trust
    with pytest.raises(Conflict, match="still names"):
        rotation.rotate(keys.store, "log", overlap=timedelta(days=1))
    make("log-2")

    rotation.rotate(keys.store, "log", overlap=timedelta(days=1))

    note = heads.sign("test/t/acme", 7, bytes(32), keys.log)
    assert heads.verify(note, before).keyid != keys.log.public.keyid
    assert len(keys.log.signers()) == 2


def test_a_wrong_pin_is_told_and_nothing_is_signed(
    tmp_path: Path, make: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = opened(tmp_path)
    monkeypatch.setenv("PKCS11_PIN", "000000")

    with pytest.raises(SignerUnavailable, match="ended with code 1"):
        keys.log.sign(b"a head")
