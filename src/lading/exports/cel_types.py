"""
The types of expressions: what each operator and function takes and gives.

`kind_of` finds the type of an expression or raises ExpressionInvalid at the place that cannot be.  A column whose type
is not known yet (a profile is checked before its source is asked) is `any`, which fits everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal, TypeAlias, assert_never

from lading.exports import cel
from lading.exports.cel import Call, ExpressionInvalid, Listing, Name, Node, Parameter

Kind: TypeAlias = Literal["string", "int", "decimal", "bool", "date", "timestamp", "null", "list", "any"]

NUMBERS: Final[frozenset[Kind]] = frozenset({"int", "decimal"})
_TEXT: Final[frozenset[Kind]] = frozenset({"string"})
_WHOLE: Final[frozenset[Kind]] = frozenset({"int"})
_BOOL: Final[frozenset[Kind]] = frozenset({"bool"})
_SIZED: Final[frozenset[Kind]] = frozenset({"string", "list"})
_DAY: Final[frozenset[Kind]] = frozenset({"date"})
_DATED: Final[frozenset[Kind]] = frozenset({"date", "timestamp"})
_TIMED: Final[frozenset[Kind]] = frozenset({"timestamp"})
_SCALAR: Final[frozenset[Kind]] = frozenset({"string", "int", "decimal", "bool", "date", "timestamp"})
_ORDERED: Final[frozenset[Kind]] = _SCALAR - _BOOL
_WORDS: Final[Mapping[Kind, str]] = {"bool": "true or false", "int": "a whole number", "list": "a list"}
_MOST: Final = 16


@dataclass(frozen=True, slots=True)
class Signature:
    """What a function takes, argument by argument (those after `needed` may be left out), and what it gives."""

    takes: tuple[frozenset[Kind], ...]
    gives: Kind
    needed: int = -1
    literals: tuple[int, ...] = ()


SIGNATURES: Final[Mapping[str, Signature]] = {
    ".contains": Signature((_TEXT, _TEXT), "bool"),
    ".startsWith": Signature((_TEXT, _TEXT), "bool"),
    ".endsWith": Signature((_TEXT, _TEXT), "bool"),
    ".matches": Signature((_TEXT, _TEXT), "bool", literals=(1,)),
    ".lower": Signature((_TEXT,), "string"),
    ".upper": Signature((_TEXT,), "string"),
    ".trim": Signature((_TEXT,), "string"),
    ".substring": Signature((_TEXT, _WHOLE, _WHOLE), "string", needed=2, literals=(1, 2)),
    ".replace": Signature((_TEXT, _TEXT, _TEXT), "string", literals=(1, 2)),
    ".getFullYear": Signature((_DATED,), "int"),
    ".getMonth": Signature((_DATED,), "int"),
    ".getDate": Signature((_DATED,), "int"),
    ".getDayOfWeek": Signature((_DATED,), "int"),
    ".getHours": Signature((_TIMED,), "int"),
    ".getMinutes": Signature((_TIMED,), "int"),
    "size": Signature((_SIZED,), "int"),
    "int": Signature((_TEXT | NUMBERS,), "int"),
    "decimal": Signature((_TEXT | NUMBERS,), "decimal"),
    "string": Signature((_SCALAR,), "string"),
    "date": Signature((_TEXT | _DATED,), "date"),
    "days": Signature((_DAY, _DAY), "int"),
    "math.quotient": Signature((_WHOLE, _WHOLE), "int"),
    "%": Signature((_WHOLE, _WHOLE), "int"),
    "!": Signature((_BOOL,), "bool"),
}
"""Functions whose result does not depend on the types they are given."""

_SPECIAL: Final = ("has", "coalesce", "math.abs", "math.round", "math.greatest", "math.least")


def kind_of(root: Node, columns: Callable[[str], Kind], parameters: Mapping[str, Kind]) -> Kind:
    """
    Return the type of an expression over `columns` and `parameters`.

    >>> kind_of(cel.parse("size(name) > 3").root, lambda _: "string", {})
    'bool'
    """
    return _Typing(columns, parameters).kind(root)


def unified(kinds: Sequence[Kind]) -> Kind | None:
    """
    Return the one type that values of all `kinds` can have, None if there is none.

    >>> unified(["int", "null", "decimal"]), unified(["int", "string"])
    ('decimal', None)
    """
    found: set[Kind] = {kind for kind in kinds if kind != "null"}
    if not found:
        return "null"
    if "list" in found:
        return None
    if "any" in found:
        return "any" if len(found - {"any"}) <= 1 or found - {"any"} <= NUMBERS else None
    if len(found) == 1:
        return found.pop()
    return "decimal" if found <= NUMBERS else None


def of_value(value: str | int | Decimal | bool | None) -> Kind:  # noqa: FBT001 - a value, no switch
    """Return the type of a written value."""
    match value:
        case None:
            return "null"
        case bool():
            return "bool"
        case int():
            return "int"
        case Decimal():
            return "decimal"
        case str():
            return "string"


class _Typing:
    def __init__(self, columns: Callable[[str], Kind], parameters: Mapping[str, Kind]) -> None:
        self._columns = columns
        self._parameters = parameters

    def kind(self, node: Node) -> Kind:
        match node:
            case cel.Literal():
                return of_value(node.value)
            case Name():
                try:
                    return self._columns(node.name)
                except ValueError as error:
                    raise ExpressionInvalid(str(error), node.at) from None
            case Parameter():
                return self._parameter(node)
            case Listing():
                return "list"
            case Call():
                return self._call(node)
            case _:
                assert_never(node)

    def _parameter(self, node: Parameter) -> Kind:
        if node.name not in self._parameters:
            known = ", ".join(sorted(self._parameters))
            raise ExpressionInvalid(f"params.{node.name} is no parameter; known: {known}", node.at)
        return self._parameters[node.name]

    def _call(self, node: Call) -> Kind:
        if node.function in SIGNATURES:
            return self._signed(node, SIGNATURES[node.function])
        match node.function:
            case "&&" | "||":
                self._want(node, self._kinds(node), _BOOL)
                return "bool"
            case "?:":
                return self._choice(node)
            case "==" | "!=" | "<" | "<=" | ">" | ">=":
                return self._compared(node)
            case "in":
                return self._among(node)
            case "+" | "-" | "*" | "/" | "neg":
                return self._calculated(node)
            case _ if node.function in _SPECIAL:
                return self._special(node)
            case _:
                raise ExpressionInvalid(_unknown(node.function), node.at)

    def _kinds(self, node: Call) -> list[Kind]:
        return [self.kind(each) for each in node.arguments]

    def _want(self, node: Call, kinds: Sequence[Kind], wanted: frozenset[Kind]) -> None:
        for argument, kind in zip(node.arguments, kinds, strict=True):
            if kind not in wanted | {"any", "null"}:
                raise ExpressionInvalid(
                    f"`{_shown(node)}` takes {_listed(wanted)}, and this is {_said(kind)}", argument.at
                )

    def _signed(self, node: Call, signature: Signature) -> Kind:
        needed = len(signature.takes) if signature.needed < 0 else signature.needed
        if not needed <= len(node.arguments) <= len(signature.takes):
            raise ExpressionInvalid(f"`{_shown(node)}` has {_counted(node, needed, len(signature.takes))}", node.at)
        for place, (argument, takes) in enumerate(zip(node.arguments, signature.takes, strict=False)):
            kind = self.kind(argument)
            if kind not in takes | {"any", "null"}:
                raise ExpressionInvalid(
                    f"`{_shown(node)}` takes {_listed(takes)}, and this is {_said(kind)}", argument.at
                )
            if place in signature.literals and (not isinstance(argument, cel.Literal) or argument.value is None):
                raise ExpressionInvalid(f"`{_shown(node)}` takes this as a written value", argument.at)
        _literals(node)
        return signature.gives

    def _choice(self, node: Call) -> Kind:
        condition, *branches = node.arguments
        if self.kind(condition) not in {"bool", "any", "null"}:
            raise ExpressionInvalid("before `?` stands what is true or false", condition.at)
        kinds: list[Kind] = [self.kind(each) for each in branches]
        found = unified(kinds)
        if found is None:
            raise ExpressionInvalid(f"`?:` gives {_said(kinds[0])} or {_said(kinds[1])}; make both the same", node.at)
        return found

    def _compared(self, node: Call) -> Kind:
        kinds = self._kinds(node)
        if unified(kinds) is None:
            raise ExpressionInvalid(f"compares {_said(kinds[0])} with {_said(kinds[1])}; convert one of them", node.at)
        if node.function not in {"==", "!="}:
            self._want(node, kinds, _ORDERED)
        return "bool"

    def _among(self, node: Call) -> Kind:
        item, listing = node.arguments
        kind = self.kind(item)
        if isinstance(listing, Listing):
            kinds: list[Kind] = [of_value(each) for each in listing.items]
            if unified(kinds) is None or unified([kind, *kinds]) is None:
                raise ExpressionInvalid(f"looks for {_said(kind)} in a list of something else", node.at)
        elif self.kind(listing) != "list" or kind not in {"string", "any", "null"}:
            raise ExpressionInvalid("right of `in` stands a list, or a list of texts among the parameters", node.at)
        return "bool"

    def _calculated(self, node: Call) -> Kind:
        kinds = self._kinds(node)
        if node.function == "+" and "string" in kinds:
            self._want(node, kinds, _TEXT)
            return "string"
        if node.function == "+" and set(kinds) <= {"any", "null"}:
            return "any"
        self._want(node, kinds, NUMBERS)
        found = unified(kinds)
        if node.function == "/":
            if found == "int":
                raise ExpressionInvalid(
                    "is a division of whole numbers: write decimal(…) / … for an exact one, math.quotient(…, …) for a "
                    "whole one",
                    node.at,
                )
            return "decimal"
        return "any" if found is None else found

    def _special(self, node: Call) -> Kind:
        if not node.arguments or len(node.arguments) > _MOST:
            raise ExpressionInvalid(f"`{node.function}` has {_counted(node, 1, _MOST)}", node.at)
        kinds = self._kinds(node)
        match node.function:
            case "has":
                if len(node.arguments) != 1 or not isinstance(node.arguments[0], Name):
                    raise ExpressionInvalid("`has` takes one column", node.at)
                return "bool"
            case "coalesce":
                found = unified(kinds)
                if found is None:
                    raise ExpressionInvalid("`coalesce` takes values of one type", node.at)
                return found
            case "math.round":
                return self._rounded(node, kinds)
            case _:
                if node.function == "math.abs" and len(kinds) != 1:
                    raise ExpressionInvalid(f"`math.abs` has {_counted(node, 1, 1)}", node.at)
                self._want(node, kinds, NUMBERS)
                return unified(kinds) or "any"

    def _rounded(self, node: Call, kinds: Sequence[Kind]) -> Kind:
        if len(kinds) > 2:
            raise ExpressionInvalid(f"`math.round` has {_counted(node, 1, 2)}", node.at)
        self._want(node, kinds, NUMBERS)
        if len(kinds) == 2:
            digits = node.arguments[1]
            if not isinstance(digits, cel.Literal) or digits.value not in range(13):
                raise ExpressionInvalid("`math.round` takes a written number of places from 0 to 12", digits.at)
        return kinds[0]


def _literals(node: Call) -> None:
    """Refuse written values that their function can't work with."""
    values = [each.value if isinstance(each, cel.Literal) else None for each in node.arguments]
    match node.function:
        case ".matches":
            if fault := pattern_fault(str(values[1])):
                raise ExpressionInvalid(f"is no regular expression: {fault}", node.arguments[1].at)
        case ".substring":
            first, last = values[1], values[2] if len(values) > 2 else None
            if not isinstance(first, int) or first < 0 or (isinstance(last, int) and last < first):
                raise ExpressionInvalid("`.substring` takes a place from 0, and one that is not before it", node.at)
        case ".replace":
            if not values[1]:
                raise ExpressionInvalid("`.replace` looks for at least one character", node.arguments[1].at)
        case _:
            return


def pattern_fault(pattern: str) -> str | None:
    """
    Return what is wrong with a regular expression: it must be one that linear time is enough for.

    >>> pattern_fault("[a-z]+"), pattern_fault("(?=x)")
    (None, 'look-around and back-references are not supported; matching takes linear time')
    """
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return str(error)
    if re.search(r"\(\?(?:[=!>]|<[=!])|\\[1-9]|\(\?P[=>]|\(\?\(", pattern):
        return "look-around and back-references are not supported; matching takes linear time"
    return None


def _unknown(function: str) -> str:
    names = sorted([*SIGNATURES, *_SPECIAL])
    known = ", ".join(name for name in names if name not in {"%", "!"} and name[0] == "." == function[0])
    known = known or ", ".join(name for name in names if name not in {"%", "!"} and name[0] != ".")
    return f"`{function}` is no function here; known: {known}"


def _shown(node: Call) -> str:
    return "-" if node.function == "neg" else node.function


def _counted(node: Call, least: int, most: int) -> str:
    own = 1 if node.function.startswith(".") else 0
    wanted = f"{least - own}" if least == most else f"{least - own} to {most - own}"
    return f"{wanted} arguments, not {len(node.arguments) - own}"


def _said(kind: Kind) -> str:
    return _WORDS.get(kind, f"a {kind}" if kind != "null" else "null")


def _listed(kinds: frozenset[Kind]) -> str:
    return " or ".join(sorted(_said(kind) for kind in kinds))
