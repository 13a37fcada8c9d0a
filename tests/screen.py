"""
A terminal for tests: a program runs in a real pty, and what it draws is read as a person sees it.

It knows what Lading writes: lines, carriage returns, moves up, erasing, the cursor, and styles, which it notes.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

DEADLINE_SECONDS = 60.0
_ESCAPE = re.compile(r"\x1b\[([?\d;]*)([A-Za-z])")


@dataclass
class Screen:
    """What stands on a terminal of `width` columns, what was ever on it, and which styles were asked for."""

    width: int
    lines: list[str] = field(default_factory=lambda: [""])
    row: int = 0
    column: int = 0
    is_cursor_shown: bool = True
    styles: set[str] = field(default_factory=set)
    seen: list[str] = field(default_factory=list)
    widest: int = 0
    _rest: str = ""

    def feed(self, text: str) -> None:
        text, self._rest = self._rest + text, ""
        at = 0
        while at < len(text):
            if text[at] == "\x1b":
                found = _ESCAPE.match(text, at)
                if found is None:
                    self._rest = text[at:]
                    return
                self._obey(found[1], found[2])
                at = found.end()
                continue
            self._put(text[at])
            at += 1

    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.lines).rstrip("\n")

    def _put(self, letter: str) -> None:
        if letter == "\r":
            self.column = 0
        elif letter == "\n":
            self._note()
            self.row += 1
            self.lines += [""] * (self.row + 1 - len(self.lines))
        else:
            if self.column == self.width:
                self._note()
                self.row, self.column = self.row + 1, 0
                self.lines += [""] * (self.row + 1 - len(self.lines))
            line = self.lines[self.row].ljust(self.column)
            self.lines[self.row] = line[: self.column] + letter + line[self.column + 1 :]
            self.column += 1
            self.widest = max(self.widest, self.column)

    def _note(self) -> None:
        if line := self.lines[self.row].rstrip():
            self.seen.append(line)

    def _obey(self, values: str, order: str) -> None:
        if order == "A":
            self.row = max(0, self.row - int(values or 1))
        elif order == "K":
            self._note()
            self.lines[self.row] = "" if values == "2" else self.lines[self.row][: self.column]
        elif order == "m":
            self.styles.add(values)
        elif values == "?25":
            self.is_cursor_shown = order == "h"
        else:
            raise AssertionError(f"an order that this terminal does not know: {values!r} {order!r}")


@dataclass
class Terminal:
    """A program in a pty."""

    process: subprocess.Popen[bytes]
    leader: int
    screen: Screen
    out: bytes = b""

    def until(self, holds: Callable[[Screen], bool]) -> Screen:
        """Return the screen once `holds` does; the deadline is generous and only ends what hangs."""
        ends = time.monotonic() + DEADLINE_SECONDS
        while not holds(self.screen):
            assert time.monotonic() < ends, f"never came; there stands:\n{self.screen.text()}"
            assert self._read(), f"it ended first; there stands:\n{self.screen.text()}"
        return self.screen

    def type(self, text: str) -> None:
        os.write(self.leader, text.encode())

    def end(self) -> int:
        """Return the exit code once all that was written has been read."""
        ends = time.monotonic() + DEADLINE_SECONDS
        while self._read():
            assert time.monotonic() < ends, self.screen.text()
        if self.process.stdout is not None:
            self.out += self.process.stdout.read()
        os.close(self.leader)
        return self.process.wait(DEADLINE_SECONDS)

    def _read(self) -> bool:
        ready, _, _ = select.select([self.leader], [], [], 1.0)
        if not ready:
            return True
        try:
            data = os.read(self.leader, 65536)
        except OSError:  # what Linux says when the other side is closed
            return False
        self.screen.feed(data.decode("utf-8", "replace"))
        return bool(data)


def start(
    program: Sequence[str],
    *,
    width: int = 80,
    height: int = 24,
    environment: Mapping[str, str] | None = None,
    is_piped: bool = False,
) -> Terminal:
    """Run `program` in a terminal of its own; with `is_piped` its standard output goes to a pipe."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
    kept = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "COLUMNS", "LINES"}}
    process = subprocess.Popen(
        program,
        stdin=follower,
        stdout=subprocess.PIPE if is_piped else follower,
        stderr=follower,
        env={**kept, "TERM": "xterm-256color", "LANG": "C.UTF-8", "PYTHONUTF8": "1", **(environment or {})},
        # Ctrl-C comes from a terminal only to who has it as theirs; no module is imported and no lock taken in there.
        preexec_fn=lambda: (os.setsid(), fcntl.ioctl(0, termios.TIOCSCTTY, 0)),  # noqa: PLW1509 - as said
    )
    os.close(follower)
    return Terminal(process, leader, Screen(width))
