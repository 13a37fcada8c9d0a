"""A server that answers like Azure Blob Storage, with a key of its own: Azurite, which `make azurite` installs."""

from __future__ import annotations

import base64
import os
import random
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import which
from typing import Any

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import AccountSasPermissions, BlobServiceClient, ResourceTypes, generate_account_sas

ACCOUNT = "ladingtests"
KEY = base64.b64encode(bytes(range(64))).decode()
_PROGRAM = Path(__file__).parents[1] / ".azurite" / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
_LISTENS = "successfully listens on "


@dataclass(frozen=True)
class Container:
    """One container, seen by its owner."""

    name: str
    client: Any

    def content(self) -> dict[str, bytes]:
        """Return what can be seen."""
        names = [blob.name for blob in self.client.list_blobs()]
        return {name: self.client.download_blob(name).readall() for name in names}

    def waiting(self, name: str) -> dict[str, int]:
        """Return the blocks under a name that nobody committed, with their sizes."""
        try:
            _, waiting = self.client.get_blob_client(name).get_block_list("all")
        except ResourceNotFoundError:
            return {}
        return {block.id: block.size for block in waiting}


def container(url: str) -> Container:
    """Make a container at the server's `url`."""
    name = f"packages-{random.getrandbits(48):x}"
    client = BlobServiceClient(f"{url}/{ACCOUNT}", credential={"account_name": ACCOUNT, "account_key": KEY})
    return Container(name, client.create_container(name))


def signature(*, hours: float = 1, **rights: bool) -> str:
    """Return a shared access signature of the account."""
    return generate_account_sas(
        ACCOUNT,
        KEY,
        resource_types=ResourceTypes(object=True),
        permission=AccountSasPermissions(**rights),
        expiry=datetime.now(UTC) + timedelta(hours=hours),
    )


@contextmanager
def running() -> Iterator[str]:
    """Start the server, yield its URL and end it; skip, and say how to have it, where it is not installed."""
    node = which("node")
    if node is None or not _PROGRAM.exists():
        pytest.skip("Azurite is not installed; run: make azurite (needs Node.js and npm)")
    process = subprocess.Popen(
        [
            node, str(_PROGRAM), "--inMemoryPersistence", "--blobHost", "127.0.0.1", "--blobPort", "0",
            "--skipApiVersionCheck", "--disableTelemetry",
        ],
        env={**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    told: list[str] = []
    for line in process.stdout:
        told.append(line)
        if _LISTENS in line:
            break
    else:
        raise AssertionError(f"Azurite ended: {''.join(told)[-2000:]}")
    # It tells of every request, and would stop when nobody reads on.
    reader = threading.Thread(target=process.stdout.read, daemon=True)
    reader.start()
    try:
        yield told[-1].split(_LISTENS)[1].strip()
    finally:
        process.terminate()
        process.wait(60)
        reader.join()
        process.stdout.close()
