# noqa: INP001 - a script, no package
"""
Make the sync half of the client from its async half: the same code, token by token, without `async` and `await`.

    .venv/bin/python scripts/sync_client.py           writes src/lading/client/sync/
    .venv/bin/python scripts/sync_client.py --check   exits 1 and names the files that are not current

`ground.py` is written by hand in both colours: it is all they differ in.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tokenize
from pathlib import Path

_CLIENT = Path(__file__).parents[1] / "src" / "lading" / "client"
_BY_HAND = {"ground.py"}
_BANNER = "# Made from lading/client/aio/{name} by scripts/sync_client.py; change it there.\n"
_LOOP = "# ruff: noqa: UP028 - a loop over an async iterator has no `yield from`\n"
_LOOPS = re.compile(r"for (\w+) in .*:\n +yield \1\n")
_DROPPED = {"async", "await"}
_RENAMED = {
    "AsyncBaseTransport": "BaseTransport",
    "AsyncClient": "Client",
    "AsyncGenerator": "Generator",
    "AsyncIterator": "Iterator",
    "AsyncRemote": "Remote",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "aclose": "close",
    "aio": "sync",
    "aiter_bytes": "iter_bytes",
    "aiter_raw": "iter_raw",
    "asynccontextmanager": "contextmanager",
}


def sync(source: str) -> str:
    r"""
    Return the sync form of async `source`.

    >>> sync("async def close(self):\n    await self._http.aclose()\n")
    'def close(self):\n    self._http.close()\n'
    """
    lines = source.splitlines(keepends=True)
    for token in reversed(list(tokenize.generate_tokens(io.StringIO(source).readline))):
        row, start = token.start
        _, end = token.end
        if token.type != tokenize.NAME:
            continue
        line = lines[row - 1]
        if token.string in _DROPPED:
            lines[row - 1] = line[:start] + line[end:].lstrip(" ")
        elif token.string in _RENAMED:
            lines[row - 1] = line[:start] + _RENAMED[token.string] + line[end:]
    return "".join(lines)


def main(arguments: list[str]) -> int:
    """Write or check every module; return the exit code."""
    stale: list[Path] = []
    for path in sorted((_CLIENT / "aio").glob("*.py")):
        if path.name in _BY_HAND or not (source := path.read_text("utf-8")):
            continue
        banner = (_LOOP if _LOOPS.search(source) else "") + _BANNER.format(name=path.name)
        made = _tidied(banner + sync(source), path)
        target = _CLIENT / "sync" / path.name
        if target.exists() and target.read_text("utf-8") == made:
            continue
        stale.append(target)
        if "--check" not in arguments:
            target.write_text(made, "utf-8")
    for path in stale:
        sys.stdout.write(
            f"{'stale' if '--check' in arguments else 'written'}: {path.relative_to(_CLIENT.parents[2])}\n"
        )
    return 1 if stale and "--check" in arguments else 0


def _tidied(text: str, path: Path) -> str:
    ruff = [sys.executable, "-m", "ruff"]
    name = ["--stdin-filename", str(path), "-"]
    for command in (["check", "--quiet", "--select", "I", "--fix", *name], ["format", "--quiet", *name]):
        text = subprocess.run([*ruff, *command], input=text, capture_output=True, text=True, check=True).stdout
    return text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
