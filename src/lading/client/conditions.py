"""What a client says about the version that it means to change."""

from __future__ import annotations


def if_match(version: int | None) -> dict[str, str]:
    """
    Return the header that names `version`, or whichever stands there.

    >>> if_match(3), if_match(None)
    ({'If-Match': '"v3"'}, {'If-Match': '*'})
    """
    return {"If-Match": "*" if version is None else f'"v{version}"'}
