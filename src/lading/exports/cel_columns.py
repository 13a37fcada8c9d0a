"""
Expressions compiled to columns: every row of a batch at once, with what failed told apart from what is absent.

A failure (overflow, division by zero, a text that is no number) never ends an export and never becomes a silent null:
it is a second column, true where the value could not be found, so that the row is bad.  Where a value is used more
than once it gets a column of its own in one of `levels`, so that the work grows with the text and not beyond it.
"""

from __future__ import annotations

import datetime
import operator
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import reduce
from typing import Any, Final

import polars as pl

from lading.errors import ProfileInvalid
from lading.exports import casting, cel
from lading.exports.cel import Call, Expression, ExpressionInvalid, Listing, Name, Node, Parameter
from lading.exports.cel_types import Kind, kind_of, of_value, unified
from lading.exports.cel_values import (
    COMPARE,
    DTYPES,
    WIDE,
    Computed,
    exact,
    key_of,
    kind_of_column,
    narrow,
    require_pattern,
    truncated,
    whole,
    widened,
    within,
)

MAX_TEXT: Final = 10_000
_ISO_DAY: Final = r"^\s*[0-9]{4}-[0-9]{2}-[0-9]{2}\s*$"

_WIDER: Final = (pl.UInt64(), pl.Int128())  # whole numbers that may not fit


class Compiler:
    """Compiles the expressions of one profile over columns `s:<name>`; apply `levels` in order before using them."""

    def __init__(
        self, schema: pl.Schema, timezone: str, parameters: Mapping[str, Any], kinds: Mapping[str, Kind]
    ) -> None:
        self._schema = schema
        self._timezone = timezone
        self._parameters = parameters
        self._kinds = kinds
        self._known: dict[object, Computed] = {}
        self.levels: list[list[pl.Expr]] = []

    def compile(self, expression: Expression, *, where: str) -> Computed:
        """Return the expression as columns; raise ProfileInvalid, naming `where`, if it does not fit the source."""
        try:
            kind_of(expression.root, self._column_kind, self._kinds)
            return self._node(expression.root)
        except ExpressionInvalid as error:
            raise ProfileInvalid(f"The expression of {where} is wrong at {error.placed(expression.text)}.") from None

    # --- leaves -----------------------------------------------------------------------------------

    def _column_kind(self, name: str) -> Kind:
        return kind_of_column(name, self._schema[f"s:{name}"])

    def _node(self, node: Node) -> Computed:
        key = key_of(node)
        if key in self._known:
            return self._known[key]
        match node:
            case cel.Literal():
                return self._written(node.value, of_value(node.value))
            case Name():
                return self._column(node)
            case Parameter():
                return self._parameter(node)
            case Listing():
                raise ExpressionInvalid("a list stands only right of `in`", node.at)
            case Call():
                return self._known.setdefault(key, self._call(node))

    def _written(self, value: Any, kind: Kind) -> Computed:
        return Computed(kind, pl.lit(value).cast(DTYPES[kind]))

    def _column(self, node: Name) -> Computed:
        column, given, kind = pl.col(f"s:{node.name}"), self._schema[f"s:{node.name}"], self._column_kind(node.name)
        match kind:
            case "int":
                whole = column.cast(pl.Int64, strict=False)
                return Computed(kind, whole, whole.is_null() & column.is_not_null() if given in _WIDER else None)
            case "decimal":
                number = casting.decimal(column, given)
                assert number is not None
                return self._guarded(kind, within(number), [Computed(kind, column)])
            case "string":
                return Computed(kind, column.cast(pl.String))
            case "timestamp":
                is_zoned = isinstance(given, pl.Datetime) and given.time_zone
                local = column.dt.cast_time_unit("us")
                return Computed(
                    kind, local.dt.convert_time_zone("UTC") if is_zoned else casting.instant(local, self._timezone)
                )
            case _:
                return Computed(kind, column)

    def _parameter(self, node: Parameter) -> Computed:
        kind, value = self._kinds[node.name], self._parameters.get(node.name)
        if kind == "date" and isinstance(value, str):
            value = datetime.date.fromisoformat(value)
        return self._written(value, kind)

    # --- calls ------------------------------------------------------------------------------------

    def _call(self, node: Call) -> Computed:
        match node.function:
            case "has":
                return self._present(node)
            case "in":
                return self._among(node)
            case "size" if self._is_list(node.arguments[0]):
                return self._written(len(self._list(node.arguments[0])), "int")
            case _:
                pass
        given = [self._node(each) for each in node.arguments]
        match node.function:
            case "&&" | "||":
                return self._joined(node.function, given)
            case "!":
                return self._strict("bool", ~given[0].value, given)
            case "?:":
                return self._choice(given)
            case "coalesce":
                return self._first(given)
            case "==" | "!=" | "<" | "<=" | ">" | ">=":
                left, right = self._alike(given)
                return self._strict("bool", COMPARE[node.function](left.value, right.value), [left, right])
            case "+" | "-" | "*" | "/" | "%" | "neg":
                return self._calculated(node.function, given)
            case _ if node.function.startswith("math."):
                return self._math(node, given)
            case "int" | "decimal" | "string" | "date":
                return self._converted(node.function, given[0])
            case _:
                return self._function(node, given)

    def _present(self, node: Call) -> Computed:
        (name,) = node.arguments
        assert isinstance(name, Name)
        column = pl.col(f"s:{name.name}")
        there = column.is_not_null()
        if self._column_kind(name.name) == "string":
            there &= column.cast(pl.String).str.strip_chars() != ""
        return Computed("bool", there.fill_null(value=False))

    def _among(self, node: Call) -> Computed:
        item, listing = self._node(node.arguments[0]), self._list(node.arguments[1])
        kind = unified([item.kind, *(of_value(each) for each in listing)]) or item.kind
        item = widened(item, kind)
        if item.kind == "null" or not listing:
            return self._strict("bool", pl.lit(value=False), [item])
        wanted = [Decimal(each) if kind == "decimal" else each for each in listing]
        return self._strict("bool", item.value.is_in(wanted).fill_null(value=False), [item])

    def _is_list(self, node: Node) -> bool:
        return isinstance(node, Parameter) and self._kinds[node.name] == "list"

    def _list(self, node: Node) -> Sequence[Any]:
        if isinstance(node, Listing):
            return node.items
        assert isinstance(node, Parameter)
        return list(self._parameters.get(node.name) or ())

    def _joined(self, sign: str, given: Sequence[Computed]) -> Computed:
        values = [widened(each, "bool").value for each in given]
        joined = reduce(operator.and_ if sign == "&&" else operator.or_, values)
        level = max(each.level for each in given)
        failures = [each.failed for each in given if each.failed is not None]
        if not failures:
            return Computed("bool", joined, None, level)
        # What the other side decides alone holds, whatever failed on this one.
        bound = self._bound(Computed("bool", joined, None, level))
        return Computed("bool", bound.value, reduce(operator.or_, failures) & bound.value.is_null(), bound.level)

    def _choice(self, given: Sequence[Computed]) -> Computed:
        condition = self._bound(widened(given[0], "bool"))
        then, other = self._alike(given[1:])
        test = condition.value
        value = pl.when(test).then(then.value).when(~test).then(other.value)
        failures = [] if condition.failed is None else [condition.failed]
        failures += [] if then.failed is None else [test & then.failed]
        failures += [] if other.failed is None else [~test & other.failed]
        failed = reduce(operator.or_, (each.fill_null(value=False) for each in failures)) if failures else None
        return Computed(then.kind, value, failed, max(condition.level, then.level, other.level))

    def _first(self, given: Sequence[Computed]) -> Computed:
        *others, found = self._alike(given)
        for each in reversed(others):
            bound = self._bound(each)
            value, failed = pl.coalesce(bound.value, found.value), None
            if found.failed is not None:
                failed = bound.value.is_null() & found.failed
            if bound.failed is not None:
                value = pl.when(~bound.failed).then(value)
                failed = bound.failed if failed is None else bound.failed | failed
            found = Computed(found.kind, value, failed, max(bound.level, found.level))
        return found

    # --- arithmetic -------------------------------------------------------------------------------

    def _calculated(self, sign: str, given: Sequence[Computed]) -> Computed:
        given = [self._bound(each) for each in self._alike(given)]
        kind = given[0].kind
        values = [each.value for each in given]
        match kind:
            case "null":
                return self._strict("decimal" if sign == "/" else "int", pl.lit(None).cast(pl.Int64), given)
            case "string":
                size = reduce(operator.add, (each.str.len_chars().cast(pl.Int64) for each in values))
                return self._guarded("string", pl.when(size <= MAX_TEXT).then(reduce(operator.add, values)), given)
            case "int":
                return self._guarded("int", whole(sign, values), given)
            case _:
                return self._guarded("decimal", within(exact(sign, values)), given)

    def _math(self, node: Call, given: Sequence[Computed]) -> Computed:
        if node.function == "math.round":
            places = given[1:] and node.arguments[1]
            number = self._bound(given[0])
            if number.kind != "decimal":
                return number
            digits = int(str(places.value)) if isinstance(places, cel.Literal) else 0
            return self._guarded("decimal", within(casting.rounded(number.value, digits)), [number])
        bound = [self._bound(each) for each in self._alike(given)]
        values, kind = [each.value for each in bound], bound[0].kind
        if kind == "null":
            return self._strict("int", pl.lit(None).cast(pl.Int64), bound)
        match node.function:
            case "math.abs":
                wide = values[0].cast(WIDE).abs().cast(pl.Int64, strict=False) if kind == "int" else values[0].abs()
                return self._guarded(kind, wide, bound)
            case "math.quotient":
                return self._guarded("int", narrow(truncated(*(each.cast(WIDE) for each in values))), bound)
            case _:
                all_there = reduce(operator.and_, (each.is_not_null() for each in values))
                pick = pl.max_horizontal if node.function == "math.greatest" else pl.min_horizontal
                return self._strict(kind, pl.when(all_there).then(pick(values)), bound)

    # --- texts, dates, conversions ----------------------------------------------------------------

    def _converted(self, function: str, given: Computed) -> Computed:
        bound = self._bound(given)
        value = bound.value
        match function, bound.kind:
            case "string", _:
                return self._strict("string", self._said(bound), [bound])
            case "int", "string":
                fits = pl.when(value.str.contains(casting.INTEGER)).then(value.str.strip_chars())
                return self._guarded("int", fits.cast(pl.Int64, strict=False), [bound])
            case "int", "decimal":
                return self._guarded("int", value.cast(pl.Int64, strict=False), [bound])
            case "decimal", "string":
                number = casting.decimal(value, pl.String())
                assert number is not None
                return self._guarded("decimal", within(number), [bound])
            case "decimal", "int":
                return self._guarded("decimal", within(value.cast(casting.WORKING)), [bound])
            case "date", "string":
                found = value.str.strip_chars().str.to_date("%Y-%m-%d", strict=False)
                return self._guarded("date", pl.when(value.str.contains(_ISO_DAY)).then(found), [bound])
            case "date", "timestamp":
                return self._strict("date", self._local(value).dt.date(), [bound])
            case (("int" | "decimal" | "date"), _):
                return self._strict(function, value.cast(DTYPES[function]), [bound])
            case _:
                raise AssertionError(function)

    def _said(self, given: Computed) -> pl.Expr:
        value = given.value
        match given.kind:
            case "decimal":
                digits = value.cast(pl.String)
                return digits.str.replace(r"\.?0+$", "")
            case "timestamp":
                return self._local(value).dt.strftime("%Y-%m-%dT%H:%M:%S")
            case "date":
                return value.dt.strftime("%Y-%m-%d")
            case _:
                return value.cast(pl.String)

    def _local(self, value: pl.Expr) -> pl.Expr:
        return value.dt.convert_time_zone(self._timezone).dt.replace_time_zone(None)

    def _function(self, node: Call, given: Sequence[Computed]) -> Computed:
        first = given[0]
        if first.kind == "null":
            kind: Kind = "int" if node.function.startswith(".get") or node.function in {"size", "days"} else "string"
            kind = "bool" if node.function in {".contains", ".startsWith", ".endsWith", ".matches"} else kind
            return self._strict(kind, pl.lit(None).cast(DTYPES[kind]), given)
        if first.kind == "string":
            return self._text(node, given)
        value = self._local(first.value) if first.kind == "timestamp" else first.value
        match node.function:
            case "days":
                days = (widened(given[1], "date").value - value).dt.total_days()
                return self._strict("int", days.cast(pl.Int64), given)
            case ".getFullYear":
                found = value.dt.year().cast(pl.Int64)
            case ".getMonth":
                found = value.dt.month().cast(pl.Int64) - 1
            case ".getDate":
                found = value.dt.day().cast(pl.Int64)
            case ".getDayOfWeek":
                found = value.dt.weekday().cast(pl.Int64) % 7
            case ".getHours":
                found = value.dt.hour().cast(pl.Int64)
            case _:
                found = value.dt.minute().cast(pl.Int64)
        return self._strict("int", found, given)

    def _text(self, node: Call, given: Sequence[Computed]) -> Computed:
        text, others = given[0].value, [widened(each, "string").value for each in given[1:] if each.kind != "int"]
        written = [each.value if isinstance(each, cel.Literal) else None for each in node.arguments]
        match node.function:
            case ".contains":
                # A literal that is searched for must not be read as a pattern; null stays null.
                return self._strict("bool", text.str.contains(others[0], literal=True), given)
            case ".startsWith":
                return self._strict("bool", text.str.starts_with(others[0]), given)
            case ".endsWith":
                return self._strict("bool", text.str.ends_with(others[0]), given)
            case ".matches":
                require_pattern(node, str(written[1]))
                return self._strict("bool", text.str.contains(str(written[1])), given)
            case ".lower":
                return self._strict("string", text.str.to_lowercase(), given)
            case ".upper":
                return self._strict("string", text.str.to_uppercase(), given)
            case ".trim":
                return self._strict("string", text.str.strip_chars(), given)
            case ".substring":
                start, end = int(str(written[1])), written[2] if len(written) > 2 else None
                length = end - start if isinstance(end, int) else None
                return self._strict("string", text.str.slice(start, length), given)
            case ".replace":
                return self._replaced(self._bound(given[0]), str(written[1]), str(written[2]))
            case _:
                return self._strict("int", text.str.len_chars().cast(pl.Int64), given)

    def _replaced(self, text: Computed, old: str, new: str) -> Computed:
        grown = text.value.str.count_matches(old, literal=True).cast(pl.Int64) * (len(new) - len(old))
        fits = (text.value.str.len_chars().cast(pl.Int64) + grown <= MAX_TEXT) | pl.lit(value=len(new) <= len(old))
        replaced = pl.when(fits).then(text.value).str.replace_all(old, new, literal=True)
        return self._guarded("string", replaced, [text])

    # --- building ---------------------------------------------------------------------------------

    def _bound(self, given: Computed) -> Computed:
        """Give the value a column of its own, so that it is found once however often it is used."""
        if given.value.meta.is_column() or given.value.meta.is_literal(allow_aliasing=False):
            return given
        while len(self.levels) <= given.level:
            self.levels.append([])
        name = f"x:{sum(map(len, self.levels))}"
        self.levels[given.level].append(given.value.alias(name))
        failed, level = given.failed, given.level
        return Computed(given.kind, pl.col(name), failed, level + 1)

    def _alike(self, given: Sequence[Computed]) -> list[Computed]:
        kind = unified([each.kind for each in given]) or given[0].kind
        return [widened(each, kind) for each in given]

    def _strict(self, kind: Kind, value: pl.Expr, given: Sequence[Computed]) -> Computed:
        """Return what cannot fail by itself, and fails where one of `given` did."""
        failures = [each.failed for each in given if each.failed is not None]
        level = max(each.level for each in given)
        if not failures:
            return Computed(kind, value, None, level)
        failed = self._bound(Computed("bool", reduce(operator.or_, failures), None, level))
        return Computed(kind, pl.when(~failed.value).then(value), failed.value, failed.level)

    def _guarded(self, kind: Kind, value: pl.Expr, given: Sequence[Computed]) -> Computed:
        """Return what fails where it gives null although nothing it was given is null."""
        level = max(each.level for each in given)
        bound = self._bound(Computed(kind, value, None, level))
        missed = reduce(operator.and_, (each.value.is_not_null() for each in given)) & bound.value.is_null()
        failures = [*(each.failed for each in given if each.failed is not None), missed]
        failed = self._bound(Computed("bool", reduce(operator.or_, failures), None, bound.level))
        return Computed(kind, bound.value, failed.value, failed.level)
