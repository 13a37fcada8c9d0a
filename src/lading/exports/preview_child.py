"""
Make one preview and end: `python -m lading.exports.preview_child`, the task as JSON on standard input.

It answers with one JSON object on standard output: `{"preview": …}`, or `{"code": …, "message": …}`.  It is a child of
its own, because who serves people loads none of the mapping's libraries and waits for no source.
"""

from __future__ import annotations

import datetime
import json
import resource
import sys
import tempfile
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from lading.errors import LadingError
from lading.exports import attachments, salt
from lading.exports import profile as profiles
from lading.exports.preview import preview
from lading.sources.connectors import connect
from lading.sources.model import Source
from lading.sources.outside import Outside

_MEMORY_BYTES: Final = 4 << 30  # addresses, not pages: libraries reserve far more than they use


def main() -> None:
    """Answer the task on standard input."""
    task = json.load(sys.stdin)
    # Whoever waits gives up before; this ends a child whose parent was killed.
    resource.setrlimit(resource.RLIMIT_CPU, (task["seconds"], task["seconds"]))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        answer = {"preview": _made(task)}
    except LadingError as error:
        answer = {"code": error.code, "message": error.message}
    json.dump(answer, sys.stdout)


def _made(task: dict[str, Any]) -> dict[str, Any]:
    profile = profiles.parse(task["document"])
    given: dict[str, Any] = {**task["source"], "tenant_id": UUID(task["source"]["tenant_id"])}
    source = Source(**given)
    salted = salt.load_or_create(Path(task["keys_dir"]))(source.tenant_id)
    parameters = {
        **task["parameters"],
        **{name: datetime.date.fromisoformat(task["period"][name]) for name in task["period"]},
    }
    with tempfile.TemporaryDirectory(prefix="lading-preview-") as scratch:
        outside = Outside(networks=[ip_network(each) for each in task["networks"]], is_glance=True)
        connector = connect(source, scratch=Path(scratch), outside=outside)
        papers = attachments.directory_of(source.attachments_ref) if task["attachments"] else None
        return preview(profile, connector, parameters=parameters, salt=salted, rows=task["rows"], papers=papers)


if __name__ == "__main__":
    main()
