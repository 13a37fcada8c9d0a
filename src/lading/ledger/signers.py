"""
Keys that are kept elsewhere: behind a command (a PKCS#11 module, a smart card) or a service (a KMS, Vault).

One question, one answer, each a JSON document: {"version": 1, "operation": "public", "purpose"} is answered by
{"public": base64 of the 32 raw bytes}; {…, "operation": "sign", "purpose", "keyid", "message": base64} by {"signature":
base64}.  Every signature is verified before it is used.  What goes wrong is SignerUnavailable, which names the signer
and never what was signed: it may be tried again, because the same key signs the same bytes alike.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from lading.errors import EnvironmentUnfit, SignerUnavailable
from lading.ledger.trust import PublicKey, Purpose, Signing
from lading_verify.encoding import from_base64
from lading_verify.keys import KEY_BYTES

Exchange: TypeAlias = Callable[[bytes], bytes]
"""Brings a question to the signer and its answer back; SignerUnavailable when that can't be done."""
_TRIES: Final = 3
_MOST_BYTES: Final = 64 << 10
_OWN: Final = "LADING_"


@dataclass(frozen=True, slots=True)
class External:
    """A signer elsewhere; `name` says which in errors."""

    name: str
    exchange: Exchange = field(repr=False)

    def public(self, purpose: Purpose) -> PublicKey:
        """Return the key that the signer wants to sign with from now on."""
        raw = self._asked({"operation": "public", "purpose": purpose}, "public")
        if len(raw) != KEY_BYTES:
            raise SignerUnavailable(f"{self.name} gave a public key of {len(raw)} bytes; Ed25519 has {KEY_BYTES}.")
        return PublicKey(purpose, raw)

    def signer(self, key: PublicKey) -> Signing:
        """Return what signs with `key` there."""
        return ExternalKey(self, key)

    def sign(self, key: PublicKey, message: bytes) -> bytes:
        """Return a signature that `key` verifies; a signer that fails is asked again, and then it is said."""
        question = {
            "operation": "sign", "purpose": key.purpose, "keyid": key.keyid,
            "message": base64.b64encode(message).decode(),
        }  # fmt: skip
        for left in reversed(range(_TRIES)):
            try:
                signature = self._asked(question, "signature")
            except SignerUnavailable:
                if left:
                    continue
                raise
            if key.signed(message, signature):
                return signature
        raise SignerUnavailable(f"{self.name} gave a signature that key {key.keyid} does not verify; is it that key?")

    def _asked(self, question: Mapping[str, str], wanted: str) -> bytes:
        told = self.exchange(json.dumps({"version": 1, **question}).encode() + b"\n")
        try:
            answer: Any = json.loads(told)
            return from_base64(answer[wanted])
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            raise SignerUnavailable(
                f'{self.name} did not answer with a JSON document that has "{wanted}" in base64.'
            ) from None


@dataclass(frozen=True, slots=True)
class ExternalKey:
    """One key of a signer elsewhere."""

    external: External
    key: PublicKey

    @property
    def public(self) -> PublicKey:
        """Return the key that verifies."""
        return self.key

    @property
    def is_local(self) -> bool:
        """Say that signing is a call to somebody else."""
        return False

    def sign(self, message: bytes) -> bytes:
        """Return the signature over `message`."""
        return self.external.sign(self.key, message)

    def signers(self) -> Sequence[Signing]:
        """Return this key alone."""
        return (self,)


def command(text: str, *, seconds: float) -> External:
    """Return the signer that runs the program `text` for every question: on standard input, without a shell."""
    try:
        argv = shlex.split(text)
    except ValueError as error:
        raise EnvironmentUnfit(f"LADING_SIGNER_COMMAND can't be read: {error}.") from error
    if not argv:
        raise EnvironmentUnfit("LADING_SIGNER_COMMAND names no program.")
    name = f"The signer {argv[0]}"

    def exchange(question: bytes) -> bytes:
        return _run(argv, question, seconds=seconds, name=name)

    return External(name, exchange)


def _run(argv: Sequence[str], question: bytes, *, seconds: float, name: str) -> bytes:
    # Our own variables hold the password of the database; the program needs none of them.
    environment = {key: value for key, value in os.environ.items() if not key.startswith(_OWN)}
    with tempfile.TemporaryFile() as answer:
        try:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=answer,
                stderr=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,  # so that what it started ends with it
            )
        except OSError as error:
            raise SignerUnavailable(f"{name} can't be started: {error.strerror}. Check the path.") from error
        try:
            process.communicate(question, timeout=seconds)
        except subprocess.TimeoutExpired:
            raise SignerUnavailable(f"{name} did not answer within {seconds:g} s.") from None
        finally:
            _end(process)
        if process.returncode != 0:
            raise SignerUnavailable(f"{name} ended with code {process.returncode}; run it by hand to see why.")
        answer.seek(0)
        told = answer.read(_MOST_BYTES + 1)
    if len(told) > _MOST_BYTES:
        raise SignerUnavailable(f"{name} answered with more than {_MOST_BYTES} bytes.")
    return told


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
