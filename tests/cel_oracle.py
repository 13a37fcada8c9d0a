"""
The expression language once more, one row at a time in plain Python: what the compiled columns are compared with.

Written from docs/reference/expressions.md and not from the compiler.  FAILED is what could not be computed, None what
is absent.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from lading.exports import cel
from lading.exports.cel import Call, Listing, Name, Node, Parameter

FAILED: Final = object()
REACH: Final = Decimal(10) ** 15
PLACE: Final = Decimal("0.000000000001")
MAX_TEXT: Final = 10_000
SPACE: Final = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006"
    "\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
WIDE: Final = Context(prec=90, rounding=ROUND_HALF_EVEN)


def evaluate(node: Node, row: Mapping[str, Any], parameters: Mapping[str, Any], zone: ZoneInfo) -> Any:
    """Return the value of an expression for one row: a value, None or FAILED."""
    return _Row(row, parameters, zone).value(node)


class _Row:
    def __init__(self, row: Mapping[str, Any], parameters: Mapping[str, Any], zone: ZoneInfo) -> None:
        self.row, self.parameters, self.zone = row, parameters, zone

    def value(self, node: Node) -> Any:
        match node:
            case cel.Literal():
                return node.value
            case Name():
                found = self.row[node.name]
                return FAILED if isinstance(found, Decimal) and abs(found) >= REACH else found
            case Parameter():
                return self.parameters[node.name]
            case Listing():
                return list(node.items)
            case Call():
                return self.call(node)

    def call(self, node: Call) -> Any:
        match node.function:
            case "&&" | "||":
                return self.joined([self.value(each) for each in node.arguments], decides=node.function == "||")
            case "?:":
                test = self.value(node.arguments[0])
                if test is None or test is FAILED:
                    return test
                return self.value(node.arguments[1 if test else 2])
            case "coalesce":
                for each in node.arguments:
                    found = self.value(each)
                    if found is not None:
                        return found
                return None
            case "has":
                (column,) = node.arguments
                assert isinstance(column, Name)
                found = self.row[column.name]
                return found is not None and not (isinstance(found, str) and not found.strip(SPACE))
            case _:
                given = [self.value(each) for each in node.arguments]
        if any(each is FAILED for each in given):
            return FAILED
        match node.function:
            case "==":
                return given[0] == given[1]
            case "!=":
                return given[0] != given[1]
            case "in":
                return given[0] is not None and given[0] in given[1]
            case _:
                pass
        if any(each is None for each in given):
            return None
        return self.strict(node.function, *given)

    @staticmethod
    def joined(values: list[Any], *, decides: bool) -> Any:
        if any(each is decides for each in values):
            return decides
        if any(each is FAILED for each in values):
            return FAILED
        return None if None in values else not decides

    def strict(self, function: str, *given: Any) -> Any:  # noqa: PLR0912 - one line to a function
        first, *rest = given
        match function:
            case "!":
                return not first
            case "<":
                return first < rest[0]
            case "<=":
                return first <= rest[0]
            case ">":
                return first > rest[0]
            case ">=":
                return first >= rest[0]
            case "+" | "-" | "*" | "/" | "%" | "neg" | "math.quotient":
                return calculated(function, *given)
            case "math.abs":
                return fitted(abs(first))
            case "math.round":
                digits = Decimal(1).scaleb(-rest[0] if rest else 0)
                return first if isinstance(first, int) else fitted(first.quantize(digits, ROUND_HALF_UP, WIDE))
            case "math.greatest":
                return max(given)
            case "math.least":
                return min(given)
            case "size":
                return len(first)
            case ".contains":
                return rest[0] in first
            case ".startsWith":
                return first.startswith(rest[0])
            case ".endsWith":
                return first.endswith(rest[0])
            case ".matches":
                return re.search(rest[0], first) is not None
            case ".lower":
                return first.lower()
            case ".upper":
                return first.upper()
            case ".trim":
                return first.strip(SPACE)
            case ".substring":
                return first[rest[0] : rest[1] if len(rest) > 1 else None]
            case ".replace":
                changed = first.replace(rest[0], rest[1])
                return FAILED if len(changed) > MAX_TEXT and len(rest[1]) > len(rest[0]) else changed
            case "int" | "decimal" | "string" | "date":
                return self.converted(function, first)
            case "days":
                return (rest[0] - first).days
            case _:
                return self.part(function, first)

    def part(self, function: str, first: Any) -> int:
        local = first.astimezone(self.zone) if isinstance(first, datetime.datetime) else first
        match function:
            case ".getFullYear":
                return local.year
            case ".getMonth":
                return local.month - 1
            case ".getDate":
                return local.day
            case ".getDayOfWeek":
                return local.isoweekday() % 7
            case ".getHours":
                return local.hour
            case _:
                return local.minute

    def converted(self, function: str, value: Any) -> Any:
        match function:
            case "int" if isinstance(value, str):
                return fitted(int(value.strip(SPACE))) if fits(r"[+-]?[0-9]{1,19}", value) else FAILED
            case "int":
                return int(value)
            case "decimal" if isinstance(value, str):
                return (
                    fitted(Decimal(value.strip(SPACE))) if fits(r"[+-]?[0-9]{1,20}(\.[0-9]{1,12})?", value) else FAILED
                )
            case "decimal":
                return fitted(Decimal(value))
            case "date" if isinstance(value, str):
                try:
                    return (
                        datetime.date.fromisoformat(value.strip(SPACE))
                        if fits("[0-9]{4}-[0-9]{2}-[0-9]{2}", value)
                        else FAILED
                    )
                except ValueError:
                    return FAILED
            case "date":
                return value.astimezone(self.zone).date() if isinstance(value, datetime.datetime) else value
            case _:
                return said(value, self.zone)


def said(value: Any, zone: ZoneInfo) -> str:
    """Return a value as `string` writes it."""
    match value:
        case bool():
            return "true" if value else "false"
        case Decimal():
            text = f"{value:f}"
            return text.rstrip("0").rstrip(".") if "." in text else text
        case datetime.datetime():
            return value.astimezone(zone).replace(tzinfo=None).isoformat(timespec="seconds")
        case datetime.date():
            return value.isoformat()
        case _:
            return str(value)


def fits(pattern: str, text: str) -> bool:
    """Return whether the text is of that form, spaces around it aside."""
    return re.fullmatch(pattern, text.strip(SPACE)) is not None


def calculated(sign: str, *given: Any) -> Any:
    """Return a sum, difference, product, quotient or rest."""
    if sign == "neg":
        return fitted(-given[0])
    left, right = given
    if sign == "+" and isinstance(left, str):
        return left + right if len(left) + len(right) <= MAX_TEXT else FAILED
    if not isinstance(left, int) or not isinstance(right, int):
        left, right = Decimal(left), Decimal(right)
        if sign == "/" and not right:
            return FAILED
        found = {"+": WIDE.add, "-": WIDE.subtract, "*": WIDE.multiply, "/": WIDE.divide}[sign](left, right)
        return fitted(found.quantize(PLACE, ROUND_HALF_EVEN, WIDE)) if abs(found) < REACH * 2 else FAILED
    if sign in {"%", "math.quotient"}:
        if not right:
            return FAILED
        whole = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
        return fitted(whole if sign == "math.quotient" else left - whole * right)
    return fitted({"+": left + right, "-": left - right, "*": left * right}[sign])


def fitted(number: int | Decimal) -> Any:
    """Return the number if its type has room for it, else FAILED."""
    if isinstance(number, int):
        return number if -(1 << 63) <= number < 1 << 63 else FAILED
    # A decimal here has no negative zero.
    return FAILED if abs(number) >= REACH else number or abs(number)
