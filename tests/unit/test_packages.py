"""A package that is good opens as typed values, is laid out whole or not at all, and is compared by what it means."""

from __future__ import annotations

import errno
import io
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from tests import configurations
from tests.configurations import dependency, step

from lading.artifacts import foreign
from lading.artifacts.unpacking import placing
from lading.client.packages import Bucket, Configuration, Kind, Limits, Package, open_package
from lading.errors import Conflict, ExtractionFailed, NotFound, PackageFault, PackageInvalid

# C5, C6


def opened(folder: Path, data: bytes, name: str = "package.zip", **given: Any) -> Package:
    (folder / name).write_bytes(data)
    return open_package(folder / name, **given)


@pytest.fixture
def package(tmp_path: Path) -> Package:
    return opened(tmp_path, configurations.pack([step("matter"), step("invoice", number=2)]))


def _left(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


# --- forms of zips ---------------------------------------------------------------------------------------------------


class _Stream(io.RawIOBase):
    """A sink that can't be sought, as a socket can't: what writes to it describes entries after their bytes."""

    def __init__(self) -> None:
        self.written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.written += data
        return len(data)


def _again(data: bytes, sink: Any, *, is_wide: bool = False, method: int = zipfile.ZIP_DEFLATED) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(sink, "w", method) as target:
        for name in source.namelist():
            with target.open(name, "w", force_zip64=is_wide) as file:
                file.write(source.read(name))


@pytest.mark.parametrize("is_wide", [False, True])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_forms_that_honest_programs_write_are_read(*, is_wide: bool, method: int, tmp_path: Path) -> None:
    sought, streamed = io.BytesIO(), _Stream()
    _again(configurations.pack(), sought, is_wide=is_wide, method=method)
    _again(configurations.pack(), streamed, is_wide=is_wide, method=method)

    for data in (sought.getvalue(), bytes(streamed.written)):
        assert len(opened(tmp_path, data).components) == 1


# --- components ------------------------------------------------------------------------------------------------------


def test_components_are_sorted_by_their_providers_and_none_is_dropped(tmp_path: Path) -> None:
    providers = [
        "sharedo-type", "Work-Type", "execution-engine", "sharedo-workflow", "form-builder", "sharedo-form",
        "business-rule", "approval", "optionset", "sharedo-optionset", "document-template", "sharedo-template",
        "permission", "participant-role", "global-feature", "developer-ide", "of tomorrow",
    ]  # fmt: skip
    steps = [
        step(f"thing{number}", each, number=number, StorageFilename=f"{number}.json")
        for number, each in enumerate(providers)
    ]

    found = opened(tmp_path, configurations.pack(steps)).components

    counts = {bucket: len(each) for bucket, each in found.buckets().items()}
    assert counts == {
        Bucket.WORK_TYPES: 2, Bucket.WORKFLOWS: 2, Bucket.FORMS: 2, Bucket.BUSINESS_RULES: 1, Bucket.APPROVALS: 1,
        Bucket.OPTION_SETS: 2, Bucket.TEMPLATES: 2, Bucket.PERMISSIONS: 1, Bucket.PARTICIPANT_ROLES: 1,
        Bucket.GLOBAL_FEATURES: 1, Bucket.OTHER: 2,
    }  # fmt: skip
    assert {each.provider for each in found} == set(providers)
    assert [each.system_name for each in found.other] == ["thing15", "thing16"]


def test_mandatory_dependencies_that_the_package_lacks_are_reported(tmp_path: Path) -> None:
    other = step("invoice", number=2)
    needs = [dependency("status"), dependency("invoice", "sharedo-type", of=other["Id"]), dependency("x", of="unknown")]
    steps = [step("matter", mandatory=needs, recommended=[dependency("portal", "portal")]), other]

    package = opened(tmp_path, configurations.pack(steps))

    told = [(component.system_name, each.selector["systemName"]) for component, each in package.components.unresolved]
    assert told == [("matter", "status"), ("matter", "x")]
    assert [each.is_mandatory for each in package.components.work_types[0].dependencies] == [True, True, True, False]


def test_a_manifest_is_read_into_values(package: Package) -> None:
    told = package.manifest

    assert isinstance(told, Configuration)
    assert package.kind is Kind.CONFIGURATION
    assert (told.name, told.exported_from, told.version) == ("VeryBasic", "uat.example.org", "7.6.12.0")
    assert told.created_on == configurations.CREATED


@pytest.mark.parametrize("folder", ["data/", ""])
def test_documents_are_found_below_data_and_at_the_root(folder: str, tmp_path: Path) -> None:
    package = opened(tmp_path, configurations.pack(folder=folder))

    component = package.components.work_types[0]

    assert component.entry.startswith(f"{folder}sharedo-type-matter")
    assert package.json(component.entry)["BaseSharedo"]["SystemName"] == "matter"
    assert package.unlisted == ()


@pytest.mark.parametrize("folder", ["files/", ""])
def test_files_are_found_below_files_and_at_the_root(folder: str, tmp_path: Path) -> None:
    listed = [{"Id": 7, "OriginalFilename": "Logo å.png", "StorageFilename": "7.png", "StepId": None}]

    package = opened(tmp_path, configurations.pack(Files=listed, files={f"{folder}7.png": b"PNG", "files/more": b""}))

    assert isinstance(package.manifest, Configuration)
    assert [(each.id, each.entry) for each in package.manifest.files] == [("7", f"{folder}7.png")]
    assert package.unlisted == ("files/more",)


def test_what_a_package_does_not_have_is_not_found(package: Package) -> None:
    with pytest.raises(NotFound):
        package.read("data/nothing")


# --- laying out ------------------------------------------------------------------------------------------------------


def test_a_package_is_laid_out_with_every_file(package: Package, tmp_path: Path) -> None:
    laid = package.extract(tmp_path / "new" / "out")

    assert {each.as_posix() for each in laid.files} == {each.name for each in package.entries}
    assert all((laid.folder / each.name).read_bytes() == package.read(each.name) for each in package.entries)
    assert (laid.folder / "files").is_dir()
    assert _left(tmp_path / "new") == ["out"]


def test_a_folder_that_is_there_is_left_alone(package: Package, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")

    for name in ("out", "file", "link"):
        with pytest.raises(Conflict, match="there already") as caught:
            package.extract(tmp_path / name)
        assert caught.value.export_code == "EXPORT_005"

    assert _left(tmp_path) == ["file", "link", "out", "package.zip"]


def test_a_folder_that_appears_meanwhile_is_left_alone(package: Package, tmp_path: Path) -> None:
    target = tmp_path / "out"

    def appear(_done: int, _total: int) -> None:
        target.mkdir(exist_ok=True)
        (target / "mine").touch()

    with pytest.raises(Conflict, match="there already"):
        package.extract(target, on_bytes=appear)

    assert _left(target) == ["mine"]
    assert _left(tmp_path) == ["out", "package.zip"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")])
def test_nothing_is_left_of_what_is_broken_off(error: BaseException, package: Package, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done * 2 > total:
            raise error

    with pytest.raises(KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else ExtractionFailed) as caught:
        package.extract(tmp_path / "out", on_bytes=stop)

    if isinstance(caught.value, ExtractionFailed):
        assert caught.value.export_code == "EXPORT_005"
        assert "No space is left" in caught.value.message
    assert _left(tmp_path) == ["package.zip"]


def test_a_place_that_can_not_be_used_is_named_with_the_mend(package: Package, tmp_path: Path) -> None:
    for name in ("n" * 300, ".."):
        with pytest.raises(ExtractionFailed, match="Choose another"):
            package.extract(tmp_path / "new" / name)

    with pytest.raises(ExtractionFailed, match="Choose another"):
        package.extract(tmp_path / "package.zip" / "out")


def test_a_package_that_changes_after_it_was_opened_is_not_laid_out(package: Package, tmp_path: Path) -> None:
    documents = {each["StorageFilename"]: {"other": each["Id"]} for each in _steps(package)}
    package.path.write_bytes(configurations.pack(_steps(package), bodies=documents))

    with pytest.raises(PackageInvalid):
        package.extract(tmp_path / "out")

    assert _left(tmp_path) == ["package.zip"]


def test_a_file_that_is_swapped_for_one_of_the_same_crc_is_noticed(package: Package, tmp_path: Path) -> None:
    digests = {each.name: "0" * 64 for each in package.entries}

    with package.path.open("rb") as file, pytest.raises(PackageInvalid) as caught:
        placing.place(file, package.layout, digests, tmp_path / "out")

    assert caught.value.fault is PackageFault.DIGEST
    assert _left(tmp_path) == ["package.zip"]


def _steps(package: Package) -> Any:
    assert isinstance(package.manifest, Configuration)
    return package.manifest.document["ExportedSteps"]


PROGRAM = """
import os, signal, sys
from pathlib import Path
from lading.client.packages import open_package

def die(done, total):
    if done * 2 > total:
        os.kill(os.getpid(), int(sys.argv[3]))

open_package(Path(sys.argv[1])).extract(Path(sys.argv[2]), on_bytes=die)
"""


def _dying(package: Package, target: Path, number: int) -> subprocess.CompletedProcess[bytes]:
    arguments = [sys.executable, "-c", PROGRAM, str(package.path), str(target), str(number)]
    return subprocess.run(arguments, capture_output=True, timeout=120, check=False)


def test_a_killed_one_leaves_no_folder_and_the_next_removes_what_it_left(package: Package, tmp_path: Path) -> None:
    target = tmp_path / "out"
    assert _dying(package, target, signal.SIGKILL).returncode == -signal.SIGKILL
    left = _left(tmp_path)
    assert not target.exists()
    assert len(left) == 2

    package.extract(target)

    assert _left(tmp_path) == ["out", "package.zip"]


def test_ctrl_c_leaves_nothing(package: Package, tmp_path: Path) -> None:
    ended = _dying(package, tmp_path / "out", signal.SIGINT)

    assert b"KeyboardInterrupt" in ended.stderr
    assert _left(tmp_path) == ["package.zip"]


def test_what_somebody_else_is_laying_out_is_not_removed(package: Package, tmp_path: Path) -> None:
    target, done = tmp_path / "out", list[str]()

    def meanwhile(_done: int, _total: int) -> None:
        if not done:
            done.append("once")
            package.extract(target)

    with pytest.raises(Conflict, match="there already"):
        package.extract(target, on_bytes=meanwhile)

    assert _left(tmp_path) == ["out", "package.zip"]
    assert (target / "manifest.json").is_file()


def test_what_is_being_laid_out_survives_another_try_that_fails(package: Package, tmp_path: Path) -> None:
    target, tried = tmp_path / "out", list[str]()

    def fail(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    def meanwhile(done: int, total: int) -> None:
        if done == total and not tried:
            tried.append("once")
            with pytest.raises(KeyboardInterrupt):
                package.extract(target, on_bytes=fail)

    package.extract(target, on_bytes=meanwhile)

    assert tried == ["once"]
    assert all((target / each.name).is_file() for each in package.entries)
    assert _left(tmp_path) == ["out", "package.zip"]


def test_a_folder_of_another_target_is_not_taken_for_a_leftover(package: Package, tmp_path: Path) -> None:
    _dying(package, tmp_path / "other", signal.SIGKILL)

    package.extract(tmp_path / "out")

    assert len(_left(tmp_path)) == 3


# --- what it costs ----------------------------------------------------------------------------------------------------


def test_importing_it_brings_nothing_heavy() -> None:
    program = "import sys, lading.client.packages; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()

    assert {"cryptography", "httpx2", "asyncio", "rich", "click", "zipfile"}.isdisjoint(loaded)


def test_entries_are_read_as_they_are_unpacked(package: Package) -> None:
    with package.path.open("rb") as file:
        found = {each.name: b"".join(foreign.chunks(file, each)) for each in package.layout if not each.is_folder}

    assert found == {each.name: package.read(each.name) for each in package.entries}


def test_a_large_entry_is_read_in_bounded_pieces(tmp_path: Path) -> None:
    zeros = bytes(9_000_000)
    package = opened(tmp_path, configurations.pack(files={"files/z": zeros}), limits=Limits(ratio=2000))

    with package.path.open("rb") as file:
        pieces = [len(each) for each in foreign.chunks(file, package.layout[-1])]

    assert max(pieces) <= 1 << 18
    assert sum(pieces) == len(zeros)
    assert package.path.stat().st_size < 100_000
