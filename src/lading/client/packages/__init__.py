"""
Packages on this disk: checked before anything is unpacked, read as typed values, laid out whole or not at all.

    from lading.client.packages import compare, open_package

    package = open_package(Path("out/exp_….zip"))
    package.extract(Path("out/report"))
    for change in compare(open_package(Path("uat.zip")), package).changed: ...

Both kinds are read: packages of Lading, and configuration packages as ShareDo hands them out.  Nobody is asked: it all
works offline.  Who signed a package of Lading is for `lading verify`.
"""

from lading.artifacts.unpacking.limits import Limits
from lading.artifacts.unpacking.model import (
    Bucket,
    Component,
    Components,
    Configuration,
    Dependency,
    Kind,
    PackageEntry,
    StoredFile,
)
from lading.artifacts.unpacking.opening import Package, open_package
from lading.artifacts.unpacking.placing import Extracted
from lading.client.packages.comparing import VOLATILE, Change, Changed, Comparison, compare

__all__ = [
    "VOLATILE",
    "Bucket",
    "Change",
    "Changed",
    "Comparison",
    "Component",
    "Components",
    "Configuration",
    "Dependency",
    "Extracted",
    "Kind",
    "Limits",
    "Package",
    "PackageEntry",
    "StoredFile",
    "compare",
    "open_package",
]
