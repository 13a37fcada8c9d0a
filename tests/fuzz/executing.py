"""
One execution of the fuzzer: whatever the bytes are, the package is opened whole or refused by PackageInvalid.

What was accepted must then mean to Python's own `zipfile` what it means to us, be laid out file by file inside its
folder, be the same as itself, and leave nothing beside it.  Needs nothing but the standard library and Lading.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import zipfile
from pathlib import Path

from tests import configurations

from lading.artifacts.unpacking import opening
from lading.client.packages import Kind, Limits, Package, compare, showing
from lading.errors import PackageInvalid

LIMITS = Limits(package_bytes=1 << 20, unpacked_bytes=4 << 20, entries=200, names_bytes=20_000, document_bytes=1 << 20)

OTHER = configurations.pack([configurations.step("matter", mandatory=[configurations.dependency("colour")])])


def execute(data: bytes, folder: Path) -> bool:
    """Do it once and return whether the package was accepted; whatever is raised is a finding."""
    path = folder / "package.zip"
    try:
        package = opening.check(io.BytesIO(data), path, LIMITS)
    except PackageInvalid as error:
        refused = error
    else:
        _used(data, package, folder)
        return True
    assert refused.message.isprintable(), refused.message
    return False


def _used(data: bytes, package: Package, folder: Path) -> None:
    path = folder / package.path.name
    path.write_bytes(data)
    try:
        _read_alike(data, package)
        _laid_out(package, folder / "out")
        _documents(package)
        assert compare(package, package).is_same
        assert sorted(each.name for each in folder.iterdir()) == ["package.zip"]
        if package.kind is Kind.CONFIGURATION:
            _compared(package, folder / "other.zip")
    finally:
        path.unlink()


def _compared(package: Package, path: Path) -> None:
    path.write_bytes(OTHER)
    try:
        other = opening.open_package(path)
        there, back = compare(package, other), compare(other, package)
        assert (there.added, there.removed, len(there.changed)) == (back.removed, back.added, len(back.changed))
        assert json.loads(json.dumps(showing.document(there), default=str))["is_same"] == there.is_same
        assert showing.markdown(there).replace("\n", "").isprintable()
    finally:
        path.unlink()


def _read_alike(data: bytes, package: Package) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {each.filename: each for each in archive.infolist() if not each.is_dir()}
        assert files.keys() == {each.name for each in package.entries}
        for entry in package.entries:
            content = archive.read(files[entry.name])
            assert (len(content), hashlib.sha256(content).hexdigest()) == (entry.size, entry.sha256)


def _laid_out(package: Package, folder: Path) -> None:
    try:
        laid = package.extract(folder)
        found = {each.relative_to(folder).as_posix(): each for each in folder.rglob("*") if not each.is_dir()}
        assert found.keys() == {each.name for each in package.entries} == {each.as_posix() for each in laid.files}
        for entry in package.entries:
            content = found[entry.name].read_bytes()
            assert not found[entry.name].is_symlink()
            assert hashlib.sha256(content).hexdigest() == entry.sha256
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _documents(package: Package) -> None:
    components = list(package.components)
    assert len(components) == len(package.components)
    assert len(package.components.unresolved) == sum(len(each.unresolved) for each in components)
    for component in components:
        try:
            package.json(component.entry)
        except PackageInvalid:
            continue
