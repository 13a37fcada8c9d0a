"""
A profile compiled to columnar expressions: raw value → transforms → value map → type → checks → null policy → mask.

`compile_plan` looks at the schema of the source once and refuses a profile that does not fit it; `Plan.apply` then
maps a frame of any number of rows.  Names inside the frame are spaced by a letter (`s:` source, `r:` raw, `p:` raw is
present, `t:` typed, `o:` output, `w:` value that fell back, `e:` error, `x:` part of an expression), so that no column
of a source can collide.
"""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import polars as pl

from lading.errors import ProfileInvalid
from lading.exports import casting
from lading.exports.claims import Check, Claims, names_of
from lading.exports.masking import masked
from lading.exports.profile import Column, Profile, Transform
from lading.exports.repeated import each

_ARITHMETIC: Final = frozenset({"divide", "multiply"})
_COSTLY: Final = frozenset({"collapse_spaces", "upper", "lower"})
_REACH: Final = Decimal(10) ** 15


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps from a source frame to a mapped frame."""

    columns: tuple[Column, ...]
    checks: tuple[Check, ...]
    with_fallback: tuple[int, ...]
    source: tuple[pl.Expr, ...]
    computed: tuple[tuple[pl.Expr, ...], ...]
    kept: pl.Expr | None
    raw: tuple[pl.Expr, ...]
    typed: tuple[pl.Expr, ...]
    errors: tuple[pl.Expr, ...]
    output: tuple[pl.Expr, ...]

    def apply(self, frame: pl.DataFrame, *, first: int = 1) -> pl.DataFrame:
        """
        Return the rows that the filter keeps, numbered `row` from `first`, with `s:`, `o:`, `w:`, `e:` columns.

        What lies between source and output is left behind, so that it need not be kept until the rows are written.
        """
        found = frame.select(self.source).with_row_index("row", first)
        for level in self.computed:
            found = found.with_columns(level)
        if self.kept is not None:
            found = found.filter(self.kept)
        kept = ["row", *(expr.meta.output_name() for expr in self.source), *(f"w:{i}" for i in self.with_fallback)]
        return found.with_columns(self.raw).with_columns(self.typed).select(*kept, *self.errors, *self.output)


def compile_plan(profile: Profile, schema: pl.Schema, *, parameters: Mapping[str, Any], salt: bytes) -> Plan:
    """Return the plan for frames of `schema`; raise ProfileInvalid where profile and query do not fit."""
    names = sorted(_needed(profile))
    _check_present(profile, names, schema)
    source = tuple(_source(name, schema).alias(f"s:{name}") for name in names)
    empty = schema.to_frame().select(source)
    claims = Claims(profile, empty.schema, parameters)
    for level in claims.levels:
        empty = empty.with_columns(level)
    raw = tuple(
        expr for i, column in enumerate(profile.columns) for expr in _raw(i, column, empty.schema, parameters, claims)
    )
    empty = empty.with_columns(raw)
    compiler = _Compiler(empty.schema, profile.timezone, parameters, claims)
    present = [f"{i}" for i in range(len(profile.columns)) if f"p:{i}" not in empty.columns]
    typed = tuple(
        [pl.col(f"r:{i}").is_not_null().alias(f"p:{i}") for i in present]
        + [expr for i, column in enumerate(profile.columns) for expr in compiler.typed(i, column)]
    )
    found = [pair for i, column in enumerate(profile.columns) for pair in compiler.checks(i, column)]
    found += claims.checks()
    return Plan(
        columns=profile.columns,
        checks=tuple(check for check, _ in found),
        with_fallback=tuple(i for i, column in enumerate(profile.columns) if column.fallback is not None),
        source=source,
        computed=tuple(tuple(level) for level in claims.levels),
        kept=claims.kept,
        raw=raw,
        typed=typed,
        errors=tuple(expr.fill_null(value=False).alias(f"e:{n}") for n, (_, expr) in enumerate(found)),
        output=tuple(_output(i, column, profile.timezone, salt) for i, column in enumerate(profile.columns)),
    )


def _needed(profile: Profile) -> set[str]:
    names = set(profile.key)
    for column in profile.columns:
        names.update([column.source] if column.source else column.concat)
        names.update(column.expression.names if column.expression else ())
        names.update(names_of(column.required_if))
    for rule in profile.rules:
        names.update(*map(names_of, (rule.when, rule.require)))
    names.update(profile.filter.names if profile.filter else ())
    if profile.deduplicate:
        names.update(profile.deduplicate.fingerprint, profile.deduplicate.keep)
    return names


def _check_present(profile: Profile, names: Sequence[str], schema: pl.Schema) -> None:
    missing = [name for name in names if name not in schema and name.partition(".")[0] not in schema]
    if missing:
        gives = ", ".join(schema) or "nothing"
        raise ProfileInvalid(
            f"The query of profile {profile.name} gives no column {', '.join(missing)}; it gives: {gives}."
        )


def _source(name: str, schema: pl.Schema) -> pl.Expr:
    """Return the source column, or the value at a dotted path into a column of JSON text."""
    if name in schema:
        return pl.col(name)
    column, _, path = name.partition(".")
    if schema[column] != pl.String():
        raise ProfileInvalid(f"`{name}` is a path into {column}, which is {schema[column]} and not JSON.")
    steps = "".join(f"['{step}']" for step in path.replace("'", "").split("."))
    return pl.col(column).str.json_path_match(pl.lit("$" + steps))


def _raw(
    index: int, column: Column, schema: pl.Schema, parameters: Mapping[str, Any], claims: Claims
) -> Iterator[pl.Expr]:
    """Yield the raw value after its transforms; where arithmetic could lose it, also whether there was one before."""
    value, given = claims.origin(index) if column.expression else _origin(column, schema, parameters)
    texts = list(itertools.takewhile(lambda step: step.kind not in _ARITHMETIC, column.transforms))
    steps = column.transforms[len(texts) :]
    if texts:
        value, given = _changed(value, given, texts, column), pl.String()
    if given == pl.String() and column.type != "string":
        # In a column of numbers or dates an empty text is an absent value, not a wrong one.
        value = pl.when(value.str.strip_chars() != "").then(value)
    if steps:
        yield value.is_not_null().alias(f"p:{index}")
    for step in steps:
        value, given = _transformed(value, given, step, column)
    yield value.alias(f"r:{index}")


def _origin(column: Column, schema: pl.Schema, parameters: Mapping[str, Any]) -> tuple[pl.Expr, pl.DataType]:
    if column.source is not None:
        value, given = pl.col(f"s:{column.source}"), schema[f"s:{column.source}"]
    elif column.concat:
        parts = [casting.plain(pl.col(f"s:{name}"), schema[f"s:{name}"]) for name in column.concat]
        some = pl.any_horizontal(part.is_not_null() for part in parts)
        joined = pl.concat_str(parts, separator=column.separator, ignore_nulls=True)
        value, given = pl.when(some).then(joined), pl.String()
    else:
        constant = column.constant if column.constant is not None else _parameter(column, parameters)
        value, given = pl.lit(constant), schema.to_frame().select(pl.lit(constant).alias("x")).schema["x"]
    return value, given


def _parameter(column: Column, parameters: Mapping[str, Any]) -> str | int | bool | None:
    value = parameters.get(column.parameter or "")
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    return value.isoformat() if isinstance(value, datetime.date) else value


def _changed(value: pl.Expr, given: pl.DataType, steps: Sequence[Transform], column: Column) -> pl.Expr:
    def change(text: pl.Expr) -> pl.Expr:
        for step in steps:
            text, _ = _transformed(text, pl.String(), step, column)
        return text

    is_costly = any(step.kind in _COSTLY for step in steps) and (column.source is not None or column.concat)
    text = casting.plain(value, given)
    return each(text, change) if is_costly else change(text)


def _transformed(value: pl.Expr, given: pl.DataType, step: Transform, column: Column) -> tuple[pl.Expr, pl.DataType]:
    if step.kind in _ARITHMETIC:
        number = casting.decimal(value, given)
        if number is None:
            raise ProfileInvalid(f'Column "{column.name}" calculates with {given}, which is no number.')
        # An overflow would end the whole export; out of reach, a value is one bad row.
        number = pl.when(number.abs() < pl.lit(_REACH).cast(casting.WORKING)).then(number)
        factor = pl.lit(Decimal(step.argument)).cast(pl.Decimal(38, 0))
        found = number / factor if step.kind == "divide" else number * factor
        return found.cast(casting.WORKING, strict=False), casting.WORKING
    text = casting.plain(value, given)
    match step.kind:
        case "trim":
            text = text.str.strip_chars()
        case "collapse_spaces":
            text = text.str.replace_all(r"\s+", " ").str.strip_chars()
        case "upper":
            text = text.str.to_uppercase()
        case "lower":
            text = text.str.to_lowercase()
        case "truncate":
            text = text.str.slice(0, step.argument)
        case "prefix":
            text = pl.lit(step.argument) + text
        case "suffix":
            text = text + pl.lit(step.argument)
        case _:
            text = pl.when(~text.is_in(list(step.argument))).then(text)
    return text, pl.String()


def _output(index: int, column: Column, timezone: str, salt: bytes) -> pl.Expr:
    value = pl.col(f"t:{index}")
    if column.mask is not None:
        value = masked(value, column.mask, salt=salt)
    if column.default is not None:
        value = value.fill_null(_default(column, timezone))
    if column.placeholder is not None:
        value = pl.when(value.fill_null("").str.strip_chars() == "").then(pl.lit(column.placeholder)).otherwise(value)
    return value.cast(casting.dtype_of(column)).alias(f"o:{index}")


def _default(column: Column, timezone: str) -> pl.Expr:
    match column.type:
        case "date":
            return pl.lit(datetime.date.fromisoformat(str(column.default)))
        case "timestamp":
            local = pl.lit(datetime.datetime.fromisoformat(str(column.default))).cast(pl.Datetime("us"))
            return casting.instant(local, timezone)
        case "decimal":
            return pl.lit(Decimal(str(column.default))).cast(casting.dtype_of(column))
        case _:
            return pl.lit(column.default).cast(casting.dtype_of(column))


class _Compiler:
    """Expressions over raw columns whose types are known."""

    def __init__(self, schema: pl.Schema, timezone: str, parameters: Mapping[str, Any], claims: Claims) -> None:
        self._schema = schema
        self._claims = claims
        self._timezone = timezone
        self._parameters = parameters

    def typed(self, index: int, column: Column) -> Iterator[pl.Expr]:
        """Yield the typed column, and for a value map with a fallback the values that fell back."""
        raw, given = pl.col(f"r:{index}"), self._schema[f"r:{index}"]
        if column.values is not None:
            key = casting.plain(raw, given)
            raw, given = each(key, lambda text: self._looked_up(text, column)), pl.String()
            if column.fallback is not None:
                yield pl.when(~key.is_in(list(column.values))).then(key).alias(f"w:{index}")
        yield casting.typed(raw, given, column, timezone=self._timezone).alias(f"t:{index}")

    def _looked_up(self, key: pl.Expr, column: Column) -> pl.Expr:
        values = {name: str(value) for name, value in (column.values or {}).items()}
        found = key.replace_strict(values, default=None, return_dtype=pl.String)
        if column.fallback is None:
            return found
        return pl.when(key.is_not_null()).then(found.fill_null(pl.lit(str(column.fallback))))

    def checks(self, index: int, column: Column) -> Iterator[tuple[Check, pl.Expr]]:
        """Yield each way a value of the column can be bad."""
        is_present, value = pl.col(f"p:{index}"), pl.col(f"t:{index}")
        unread = is_present & value.is_null()
        if (failed := self._claims.failed(index)) is not None:
            yield Check("expression_failed", column.name), failed
            unread &= ~failed
        if column.values is not None and column.fallback is None:
            yield Check("unknown_value", column.name), unread
        elif column.type != "string":
            yield Check("type_mismatch", column.name), unread
        yield from self._required(index, column, is_present, value)
        yield from self._ranged(column, value)
        if column.max_length is not None:
            yield Check("text_too_long", column.name), value.str.len_chars() > column.max_length
        if column.pattern is not None:
            yield Check("pattern_mismatch", column.name), ~value.str.contains(f"^(?:{column.pattern})$")

    def _required(
        self, index: int, column: Column, is_present: pl.Expr, value: pl.Expr
    ) -> Iterator[tuple[Check, pl.Expr]]:
        if column.placeholder is not None or column.default is not None:
            return  # what is absent has something to stand for it
        needed = pl.lit(value=True) if column.required else self._claims.required(index)
        if needed is None:
            return
        failed = self._claims.failed(index)
        is_missing = ~is_present if failed is None else ~is_present & ~failed
        yield Check("required_column_missing", column.name), needed & is_missing
        if column.type == "string":
            yield Check("empty_required_string", column.name), needed & (value.str.strip_chars() == "")

    def _ranged(self, column: Column, value: pl.Expr) -> Iterator[tuple[Check, pl.Expr]]:
        low, high = (self._bound(column, bound) for bound in (column.minimum, column.maximum))
        outside = [value < low] if low is not None else []
        outside += [value > high] if high is not None else []
        if outside:
            yield Check("value_out_of_range", column.name), pl.any_horizontal(outside)

    def _bound(self, column: Column, bound: str | int | None) -> pl.Expr | None:
        if bound is None:
            return None
        if column.type != "date":
            return pl.lit(Decimal(str(bound))).cast(casting.WORKING)
        given = self._parameters[bound] if bound in {"period_from", "period_to"} else bound
        return pl.lit(given if isinstance(given, datetime.date) else datetime.date.fromisoformat(str(given)))
