"""docs/how-to/operate.md is true: a copy of the data directory is a backup, and keys keep their meaning in it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import httpx2


def _get(up, path: str, token: str) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx2.get(f"{up.url}/api/v1/{path}", headers=headers, trust_env=False, timeout=60)


def test_a_copy_of_the_stopped_data_directory_starts_elsewhere_and_is_the_same_instance(up, tmp_path: Path) -> None:
    first = up()
    token = first.token
    trusted = _get(first, "keys/trust", token).content
    assert first.stop() == 0
    copy = tmp_path / "restored" / "data"
    shutil.copytree(first.data_dir, copy)
    shutil.rmtree(first.data_dir)

    second = up(data_dir=copy)

    assert second.token is None
    assert _get(second, "me", token).status_code == 200
    assert _get(second, "keys/trust", token).content == trusted


def test_a_lost_admin_token_is_replaced_and_revoked(lading, up) -> None:
    tree = up()
    lost = tree.token

    minted = lading("up", "--new-admin-token", data_dir=tree.data_dir)
    token = next(line.strip() for line in minted.stdout.splitlines() if line.strip().startswith("ldg_"))
    listed = lading(
        "keys",
        "list",
        "--tenant",
        "instance",
        "--json",
        data_dir=tree.data_dir,
        LADING_URL=tree.url,
        LADING_TOKEN=token,
    )
    (key,) = [key["id"] for key in json.loads(listed.stdout) if key["name"] == "first admin"]
    revoked = lading(
        "keys", "revoke", "--tenant", "instance", key, data_dir=tree.data_dir, LADING_URL=tree.url, LADING_TOKEN=token
    )

    assert revoked.returncode == 0, revoked.stderr
    assert _get(tree, "me", lost).status_code == 401
    assert _get(tree, "me", token).status_code == 200
