"""The files of deploy/ are right as far as a machine without their engines can tell."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from lading import cli
from lading.settings import TABLE

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_has_no_fault_but_the_program_that_is_not_installed_here(unit: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")

    said = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False).stderr

    faults = [line for line in said.splitlines() if unit.name.split("@")[0].removesuffix(".service") in line]
    assert [line for line in faults if "/opt/lading/bin/lading is not executable" not in line] == []


def test_the_files_name_only_commands_and_settings_that_are_there() -> None:
    known = {each.variable for each in TABLE} | {f"{each.variable}_FILE" for each in TABLE if each.secret}
    known |= {"LADING_CONFIG"}
    for file in (path for path in DEPLOY.rglob("*") if path.is_file()):
        text = file.read_text("utf-8")
        assert set(re.findall(r"LADING_[A-Z_]+", text)) <= known, file
        for command in re.findall(r"bin/lading (.+)", text):
            assert CliRunner().invoke(cli.root, [*command.split(), "--help"]).exit_code == 0, (file, command)


def test_the_container_has_the_versions_that_the_tests_run_with() -> None:
    tested = _versions(ROOT / "requirements.lock")
    shipped = _versions(DEPLOY / "container" / "requirements.lock")

    assert len(shipped) > 20
    assert shipped.items() <= tested.items()


def test_the_container_copies_what_is_there_and_compose_builds_it() -> None:
    text = (DEPLOY / "container" / "Containerfile").read_text("utf-8")
    copied = [name for line in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE) for name in line.split()]
    compose = yaml.safe_load((DEPLOY / "container" / "compose.yaml").read_text("utf-8"))

    assert copied
    assert all((ROOT / name).exists() for name in copied)
    built = compose["services"]["lading"]["build"]
    assert (DEPLOY / "container" / built["context"] / built["dockerfile"]).resolve().is_file()
    named = {name for service in compose["services"].values() for name in service.get("secrets", ())}
    assert named == set(compose["secrets"])


def _versions(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)(?:\[.+?\])?==(\S+)", lock.read_text("utf-8"), re.MULTILINE))
