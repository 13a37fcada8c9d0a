"""What `lading verify` and `lading replay` do with an audit bundle: the work of `lading_verify`, in their words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from lading.errors import InvalidInput


def is_bundle(path: Path) -> bool:
    """Return whether the file looks like a bundle, be it damaged or not."""
    from lading_verify.zip import looks_like_one

    try:
        with path.open("rb") as file:
            return looks_like_one(file)
    except OSError as error:
        raise InvalidInput(f"{path} can't be read: {error.strerror}. Check the path.") from error


def verify(
    path: Path,
    shown: Path,
    trust_file: Path | None,
    *,
    keyring: Path | None,
    previous: Path | None,
    witnesses: Sequence[str],
    at_least: int | None,
    authority: Path | None,
    as_json: bool,
) -> int:
    """Check the bundle at `path`, say what was proved of `shown`, and return the exit code."""
    from lading_verify import __main__ as command
    from lading_verify import check

    def work() -> int:
        believed = command.believing(trust_file, keyring)
        known = tuple(map(command.witness, witnesses))
        policy = check.Policy(known, len(known) if at_least is None else at_least, authority)
        report = check.verify(path, believed, previous=previous, policy=policy)
        return command.told(report, shown, has_trust=believed is not None, as_json=as_json)

    return _answered(work, as_json=as_json)


def replay(path: Path, *, at: int | None, out: Path | None, as_json: bool) -> int:
    """Rebuild the states of the bundle at `path`, say what came of it, and return the exit code."""
    from lading_verify import __main__ as command
    from lading_verify import replay as replaying

    def work() -> int:
        return command.replayed(replaying.replay(path, at=at, out=out), as_json=as_json)

    return _answered(work, as_json=as_json)


def _answered(work: Callable[[], int], *, as_json: bool) -> int:
    from lading_verify import __main__ as command
    from lading_verify.errors import Refused, Unreadable

    try:
        return work()
    except Unreadable as error:
        raise InvalidInput(str(error)) from error
    except Refused as error:
        return command.refused(error, as_json=as_json)
