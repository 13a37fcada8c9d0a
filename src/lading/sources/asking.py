"""A service that the people who run the machine named, asked one question at a time: a signer, an authority of time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lading.errors import EnvironmentUnfit, LadingError
from lading.sources.guard import Barred, Network, Origin, look_up, origin_of, target_of
from lading.sources.guarded import Distrusted, Door, NoAnswer, TooMuch


@dataclass(frozen=True, slots=True)
class Service:
    """Whom to ask; `refused` makes the error that tells what went wrong."""

    name: str
    origin: Origin
    target: str
    networks: Sequence[Network]
    refused: Callable[[str], LadingError]

    def ask(self, question: bytes, *, headers: Sequence[tuple[str, str]], seconds: float, most_bytes: int) -> bytes:
        """Return the answer to `question`, or raise what `refused` makes."""
        # A door for each question: it may come from any thread, and comes seldom.
        door = Door(self.origin, self.networks, look_up)
        try:
            answer = door.call(
                "POST",
                self.target,
                headers=headers,
                seconds=seconds,
                most_bytes=most_bytes,
                content=question,
            )
        except Barred as error:
            raise self.refused(
                f"{self.name} is at {error}, which is not called; allow its network in LADING_ALLOWED_NETWORKS."
            ) from error
        except (Distrusted, NoAnswer, TooMuch, OSError) as error:
            raise self.refused(f"{self.name} gave no answer that can be used: {error}.") from error
        finally:
            door.close()
        if answer.status != 200:
            raise self.refused(f"{self.name} answered {answer.status}; its own log says why.")
        return answer.body


def service(
    title: str, url: str, setting: str, *, networks: Sequence[Network], refused: Callable[[str], LadingError]
) -> Service:
    """Return who is to be asked at `url`, which stands in `setting`; EnvironmentUnfit when that is none."""
    origin = origin_of(url)
    if origin is None:
        raise EnvironmentUnfit(f"{setting} is no plain URL; write https://host/path, with no user in it.")
    return Service(f"{title} at {origin}", origin, target_of(url), networks, refused)
