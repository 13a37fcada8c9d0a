"""ARCHITECTURE.md is the map of what is there: the order that is checked, every folder, every guard."""

from __future__ import annotations

import re
import tomllib

from sources import PACKAGE, ROOT

_PAGE = (ROOT / "ARCHITECTURE.md").read_text("utf-8")


def test_the_order_it_draws_is_the_order_that_is_checked() -> None:
    drawn = re.search(r"^(cli → [\s\S]*?)^```", _PAGE, re.MULTILINE)
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contract = settings["tool"]["importlinter"]["contracts"][0]
    checked = [
        [name for name in (part.strip().strip("()") for part in layer.split("|")) if _exists(name)]
        for layer in contract["layers"]
    ]

    assert drawn is not None
    assert [[part.strip() for part in layer.split("|")] for layer in drawn[1].split("→")] == [
        layer for layer in checked if layer
    ]


def test_every_folder_and_module_is_on_the_map() -> None:
    here = {path.name + "/" for path in PACKAGE.iterdir() if path.is_dir() and not path.name.startswith("__")}
    here |= {path.name for path in PACKAGE.glob("*.py") if path.name != "__init__.py"}

    assert {name for name in here if f"`{name}`" not in _PAGE} == set()


def test_every_guard_it_names_exists() -> None:
    guards = re.findall(r"`((?:tests|docs)/[\w/.-]+)`", _PAGE)

    assert [name for name in guards if not (ROOT / name).exists()] == []


def _exists(name: str) -> bool:
    return (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file()
