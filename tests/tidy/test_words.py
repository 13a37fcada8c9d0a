"""Text that is committed means the same to everybody: our spelling, no path or name of one machine, no dead link."""

from __future__ import annotations

import re

from sources import ROOT, files, name_of

_TEXT = (".py", ".sql", ".md", ".toml", ".yaml", ".yml", ".json", ".txt", "")
# One letter of each stands in brackets, so that this file does not hold what it forbids.
_PLACES = re.compile(r"(?<![\w.])/(wo[r]k|ro[o]t|ho[m]e/\w+|fa[r]m)/")
_HOSTS = re.compile(r"pyp[i]\.org|pythonhoste[d]\.org|registry\.npmj[s]|extra-inde[x]-url")
_SPELLING = re.compile(r"\bcancele[d]\b|\bcancelin[g]\b", re.IGNORECASE)
_NEVER = re.compile(r"exactl[y][- ]once|tampe[r][- ]proof|militar[y]-grade", re.IGNORECASE)
_LINK = re.compile(r"\]\((?!https?://|mailto:|#)([^)#\s]+)(#[^)]*)?\)")


def _found(pattern: re.Pattern[str], *suffixes: str) -> list[str]:
    return [
        f"{name_of(path)}:{number}: {line.strip()[:100]}"
        for path in files(*(suffixes or _TEXT))
        if path.name != "requirements.lock" and "golden" not in path.parts
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), start=1)
        if pattern.search(line)
    ]


def test_no_path_of_one_machine_is_committed() -> None:
    assert _found(_PLACES) == []


def test_no_registry_host_is_committed() -> None:
    assert _found(_HOSTS) == []
    assert not _HOSTS.search((ROOT / "requirements.lock").read_text("utf-8"))


def test_cancelled_is_spelled_with_two_l() -> None:
    assert _found(_SPELLING) == []


def test_nothing_is_promised_that_nobody_can_keep() -> None:
    assert _found(_NEVER, ".md") == []


def test_every_link_in_the_documentation_leads_somewhere() -> None:
    dead = [
        f"{name_of(path)}: {match[1]}"
        for path in files(".md")
        for match in _LINK.finditer(path.read_text("utf-8"))
        if not (path.parent / match[1]).exists()
    ]

    assert dead == []


def test_every_make_target_in_the_documentation_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {
        (name_of(path), target)
        for path in files(".md")
        for target in re.findall(r"(?:`|^\s*\$ |^)make ([a-z]+)\b", path.read_text("utf-8"), re.MULTILINE)
    }

    assert {(path, target) for path, target in named if target not in targets} == set()
