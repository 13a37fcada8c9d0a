"""A real OpenID provider in a process of its own, and people who sign in to it with the code flow."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx2

_BACK = "http://localhost/back"
_PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class OpenIdProvider:
    """A running provider."""

    issuer: str

    def know(self, subject: str, **said: Any) -> None:
        """Let the provider know a person and what it says of them."""
        answer = httpx2.put(f"{self.issuer}/users/{quote(subject, safe='')}", json=said)
        assert answer.status_code == 204, answer.text

    def sign_in(self, subject: str, *, audience: str = "lading") -> str:
        """Return the ID token of a person who signs in to the application `audience`."""
        asked = {
            "client_id": audience,
            "redirect_uri": _BACK,
            "response_type": "code",
            "scope": "openid email profile",
            "nonce": "n",
        }
        shown = httpx2.post(f"{self.issuer}/oauth2/authorize", params=asked, data={"sub": subject})
        (code,) = parse_qs(urlsplit(shown.headers["location"]).query)["code"]
        given = {"grant_type": "authorization_code", "code": code, "redirect_uri": _BACK}
        answer = httpx2.post(f"{self.issuer}/oauth2/token", data=given, auth=(audience, "secret"))
        assert answer.status_code == 200, answer.text
        return answer.json()["id_token"]


@contextmanager
def running(
    folder: Path, *, port: int | None = None, people: Mapping[str, Mapping[str, Any]]
) -> Iterator[OpenIdProvider]:
    """Run a provider on loopback that knows `people`; it makes a new signing key each time it starts."""
    at = port or _free_port()
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(at)]
    for subject, said in people.items():
        command += ["--user-claims", json.dumps({"sub": subject, **said})]
    with (folder / f"openid-{at}.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            provider = OpenIdProvider(f"http://127.0.0.1:{at}")
            _await(provider, process, log.name)
            yield provider
        finally:
            process.terminate()
            process.wait(_PATIENCE_SECONDS)


def _await(provider: OpenIdProvider, process: subprocess.Popen[bytes], log: Any) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx2.get(f"{provider.issuer}/.well-known/openid-configuration").raise_for_status()
        except httpx2.HTTPError:
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
            continue
        return
    raise RuntimeError(f"the provider did not start: {Path(log).read_text()[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
