"""
Profiles and policies as people write them: YAML in, plain JSON values out, with the line of every value remembered.

A deliberately small YAML: keys are always text, only `true`/`false`/`null` and decimal integers are special, dates
stay text, fractions must be quoted.  Anchors, aliases, tags, duplicate keys and merge keys are refused, so a text can
neither explode nor mean something else than it shows.  What the values mean is in `exports/profile` and
`exports/policy`.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, Final, cast

import yaml

from lading.errors import FieldError, ProfileInvalid

MAX_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 12
_INTEGER: Final = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_FRACTION: Final = re.compile(r"[-+]?(\d+\.\d*|\.\d+|\d+(\.\d*)?[eE][-+]?\d+)")
_WORDS: Final[dict[str, bool | None]] = {"true": True, "false": False, "null": None, "": None, "~": None}


class Document(dict[str, Any]):
    """A document that knows where it was written: `lines` maps a JSON pointer to a line, from 1."""

    __slots__ = ("lines",)

    def __init__(self, values: dict[str, Any], lines: dict[str, int]) -> None:
        super().__init__(values)
        self.lines = lines

    def line_of(self, pointer: str) -> int | None:
        """Return the line of the value at `pointer`, or of the nearest thing around it."""
        while pointer not in self.lines and pointer:
            pointer = pointer.rpartition("/")[0]
        return self.lines.get(pointer)


def pointer_of(parts: tuple[str | int, ...]) -> str:
    """
    Return the JSON pointer (RFC 6901) of a path.

    >>> pointer_of(("columns", 0, "a/b"))
    '/columns/0/a~1b'
    """
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def load(text: str) -> Document:
    """Return the document written in `text`; raise ProfileInvalid that names the line."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise ProfileInvalid(f"The text is over {MAX_BYTES // 1024} KiB; such a document is a page or two.")
    try:
        for token in yaml.scan(text, Loader=yaml.SafeLoader):
            if isinstance(token, yaml.AnchorToken | yaml.AliasToken | yaml.TagToken):
                raise _fault("", token.start_mark.line + 1, "anchors, aliases and tags are not allowed")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        raise _syntax(error) from None
    if not isinstance(root, yaml.MappingNode):
        raise _fault("", 1, "a document is a mapping of keys to values")
    lines: dict[str, int] = {}
    return Document(cast("dict[str, Any]", _value(root, (), lines)), lines)


def digest(document: dict[str, Any]) -> bytes:
    """Return the SHA-256 of the document's canonical form: the same whatever text or key order it was written in."""
    plain = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(plain.encode("ascii")).digest()


def _value(node: yaml.Node, path: tuple[str | int, ...], lines: dict[str, int]) -> Any:
    line = node.start_mark.line + 1
    lines[pointer_of(path)] = line
    if len(path) > MAX_DEPTH:
        raise _fault(pointer_of(path), line, f"nested deeper than {MAX_DEPTH} levels")
    match node:
        case yaml.MappingNode():
            return _mapping(node, path, lines)
        case yaml.SequenceNode():
            return [_value(item, (*path, index), lines) for index, item in enumerate(node.value)]
        case yaml.ScalarNode():
            return _scalar(node, path)
        case _:
            raise _fault(pointer_of(path), line, "not a value")


def _mapping(node: yaml.MappingNode, path: tuple[str | int, ...], lines: dict[str, int]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise _fault(pointer_of(path), line, "a key is text")
        name = str(key.value)
        if name in values:
            raise _fault(pointer_of((*path, name)), line, f"the key `{name}` is written twice")
        values[name] = _value(value, (*path, name), lines)
        lines[pointer_of((*path, name))] = line
    return values


def _scalar(node: yaml.ScalarNode, path: tuple[str | int, ...]) -> str | int | bool | None:
    text = str(node.value)
    if node.style is not None:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FRACTION.fullmatch(text):
        detail = f'write the fraction as quoted text, "{text}", so that it stays exact'
        raise _fault(pointer_of(path), node.start_mark.line + 1, detail)
    return text


def _fault(pointer: str, line: int, detail: str) -> ProfileInvalid:
    return ProfileInvalid(f"line {line}: {detail}", (FieldError(pointer, f"line {line}: {detail}", "invalid"),))


def _syntax(error: Exception) -> ProfileInvalid:
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    problem = error.problem if isinstance(error, yaml.MarkedYAMLError) else "nested too deeply or not text"
    return _fault("", mark.line + 1 if mark else 1, f"not YAML: {problem}")
