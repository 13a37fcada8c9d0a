"""What is wrong with a package."""

from __future__ import annotations

from enum import StrEnum

from lading.errors.root import LadingError


class PackageFault(StrEnum):
    """Why a package is refused, in a word that programs can tell apart."""

    NOT_A_ZIP = "not-a-zip"
    DAMAGED = "damaged"
    CUT_OFF = "cut-off"
    EMPTY = "empty"
    FOREIGN_BYTES = "foreign-bytes"
    HEADERS_DISAGREE = "headers-disagree"
    OVERLAP = "overlap"
    ZIP64 = "zip64"
    METHOD = "method"
    ENCRYPTED = "encrypted"
    TOO_LARGE = "too-large"
    TOO_MANY_ENTRIES = "too-many-entries"
    BOMB = "bomb"
    LEAVES_FOLDER = "leaves-folder"
    NAME = "name"
    LINK = "link"
    SPECIAL_FILE = "special-file"
    DUPLICATE = "duplicate"
    CRC = "crc"
    NO_MANIFEST = "no-manifest"
    MANIFEST = "manifest"
    MISSING_FILE = "missing-file"
    UNLISTED_FILE = "unlisted-file"
    DIGEST = "digest"


class PackageInvalid(LadingError):
    """
    A package or its statement failed verification; says which file and what.

    `fault` tells the cases apart, `entry` is the name of the file at fault, as far as both are known.
    """

    code = "package-invalid"
    export_code = "EXPORT_006"

    def __init__(self, message: str, fault: PackageFault = PackageFault.DAMAGED, *, entry: str | None = None) -> None:
        super().__init__(message)
        self.fault = fault
        self.entry = entry
