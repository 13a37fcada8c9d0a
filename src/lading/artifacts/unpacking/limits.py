"""How much a package from elsewhere may hold before it is refused, all of it decided before anything is unpacked."""

from __future__ import annotations

from dataclasses import dataclass

from lading.artifacts.limits import Limits as ZipLimits

_RATIO_FROM_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """
    Bounds of a package that is opened; whoever trusts a larger one passes larger numbers.

    `ratio` is between unpacked and packed bytes, of the whole and of each entry from 1 MiB on.  `names_bytes` is for
    all names together; `document_bytes` and `depth` are for each JSON document that is read: the manifest, and what
    `Package.json` is asked for.
    """

    package_bytes: int = 100_000_000
    unpacked_bytes: int = 500_000_000
    ratio: int = 100
    entries: int = 10_000
    names_bytes: int = 1_000_000
    document_bytes: int = 8_000_000
    depth: int = 64

    def of_zip(self) -> ZipLimits:
        """Return what of them the reader of zips watches."""
        return ZipLimits(
            entries=self.entries,
            entry_bytes=self.unpacked_bytes,
            total_bytes=self.unpacked_bytes,
            document_bytes=self.document_bytes,
            names_bytes=self.names_bytes,
            ratio=self.ratio,
            ratio_from_bytes=_RATIO_FROM_BYTES,
        )


def of_exports() -> Limits:
    """Return the limits for packages fresh from a server: it deflates text up to a ratio of its own, not beyond."""
    return Limits(ratio=ZipLimits().ratio)


def of_packages(most_bytes: int) -> Limits:
    """
    Return the limits for packages of which somebody said how large they may be.

    >>> of_packages(900_000_000).package_bytes, of_packages(1000).unpacked_bytes
    (900000000, 500000000)
    """
    return Limits(package_bytes=most_bytes, unpacked_bytes=max(Limits().unpacked_bytes, 5 * most_bytes))
