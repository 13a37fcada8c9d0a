"""
What a profile claims of a row beside its columns: `required_if`, rules and the filter, as conditions or expressions.

A claim about what is absent does not hold.  A claim whose expression fails (division by zero, a number out of range)
makes the row bad with `expression_failed`, wherever it stands: nobody decided that such a row may be left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import polars as pl

from lading.errors import ProfileInvalid
from lading.exports import casting
from lading.exports.cel import Call, Expression
from lading.exports.cel_columns import Compiler
from lading.exports.cel_values import Computed
from lading.exports.parameters import kinds
from lading.exports.profile import Claim, Column, Condition, Profile

FAILED: Final = "expression_failed"


@dataclass(frozen=True, slots=True)
class Check:
    """One way a row can be bad: `code` in the output column (or rule) `column`."""

    code: str
    column: str


def names_of(claim: Claim | None) -> frozenset[str]:
    """Return the source columns that a claim reads."""
    match claim:
        case None:
            return frozenset()
        case Condition():
            return frozenset({claim.source})
        case Expression():
            return claim.names


class Claims:
    """The expressions and conditions of one profile over columns `s:<name>`; apply `levels` first, in order."""

    def __init__(self, profile: Profile, schema: pl.Schema, parameters: Mapping[str, Any]) -> None:
        types = {name: parameter.type for name, parameter in profile.parameters.items()}
        self._schema = schema
        self._compiler = Compiler(schema, profile.timezone, parameters, kinds(types))
        self.levels: Final = self._compiler.levels
        self._profile = profile
        self._columns = {i: self._column(each) for i, each in enumerate(profile.columns) if each.expression}
        self._needed = {
            i: self._compiled(each.required_if, f'required_if of column "{each.name}"')
            for i, each in enumerate(profile.columns)
            if each.required_if
        }
        self._rules = [
            (rule, *(self._compiled(each, f"rule {rule.code}") for each in (rule.when, rule.require)))
            for rule in profile.rules
        ]
        self._filter = self._compiled(profile.filter, "the filter")

    @property
    def kept(self) -> pl.Expr | None:
        """Return which rows the filter keeps, None if there is none; a row on which it fails is kept, to be bad."""
        if self._filter is None:
            return None
        holds = self._filter.value.fill_null(value=False)
        return holds if self._filter.failed is None else holds | self._filter.failed

    def origin(self, index: int) -> tuple[pl.Expr, pl.DataType]:
        """Return the value and type of a column that is computed."""
        found = self._columns[index]
        return found.value, found.dtype

    def failed(self, index: int) -> pl.Expr | None:
        """Return where the expression of a column failed; None if it cannot, or there is none."""
        return self._columns[index].failed if index in self._columns else None

    def required(self, index: int) -> pl.Expr | None:
        """Return where the `required_if` of a column holds; None if it has none."""
        found = self._needed.get(index)
        return None if found is None else _holding(found)

    def checks(self) -> Iterator[tuple[Check, pl.Expr]]:
        """Yield what can be wrong with a row beside its columns."""
        for index, found in self._needed.items():
            if found is not None and found.failed is not None:
                yield Check(FAILED, self._profile.columns[index].name), found.failed
        for rule, when, require in self._rules:
            assert require is not None
            about = ", ".join(sorted(names_of(rule.require)))
            applies = pl.lit(value=True) if when is None else _holding(when)
            broken = applies & ~_holding(require)
            failures = [] if when is None or when.failed is None else [when.failed]
            if require.failed is not None:
                broken &= ~require.failed
                failures.append(applies & require.failed)
            yield Check(rule.code, about), broken
            if failures:
                yield Check(FAILED, about), pl.any_horizontal(failures)
        if self._filter is not None and self._filter.failed is not None:
            yield Check(FAILED, ", ".join(sorted(names_of(self._profile.filter)))), self._filter.failed

    def _column(self, column: Column) -> Computed:
        expression = column.expression
        assert expression is not None
        where = f'column "{column.name}"'
        found = self._compiler.compile(expression, where=where)
        if found.kind == "decimal" and (column.type == "string" or column.values is not None):
            # As people write it, without the zeros of the working type.
            text = Call("string", (expression.root,), expression.root.at, expression.root.depth + 1)
            return self._compiler.compile(Expression(expression.text, text), where=where)
        return found

    def _compiled(self, claim: Claim | None, where: str) -> Computed | None:
        match claim:
            case None:
                return None
            case Condition():
                return Computed("bool", self._holds(claim))
            case Expression():
                found = self._compiler.compile(claim, where=where)
                if found.kind not in {"bool", "null"}:
                    raise ProfileInvalid(
                        f"The expression of {where} must be true or false; it is of type {found.kind}."
                    )
                return found

    def _holds(self, condition: Condition) -> pl.Expr:
        """Return where the condition is true; a null value is equal to nothing and in no list."""
        value, given = pl.col(f"s:{condition.source}"), self._schema[f"s:{condition.source}"]
        if condition.operator == "present":
            there = value.is_not_null() & (value.str.strip_chars() != "" if given == pl.String() else True)
            return there if condition.value else ~there
        if condition.operator in {"at_least", "at_most"}:
            number, bound = casting.decimal(value, given), pl.lit(Decimal(str(condition.value))).cast(casting.WORKING)
            if number is None:
                raise ProfileInvalid(f"A condition compares {condition.source}, which is {given} and no number.")
            return (number >= bound if condition.operator == "at_least" else number <= bound).fill_null(value=False)
        wanted = condition.value if isinstance(condition.value, tuple) else (condition.value,)
        inside = self._among(value, given, wanted).fill_null(value=False)
        return ~inside if condition.operator == "not_in" else inside

    def _among(self, value: pl.Expr, given: pl.DataType, wanted: Sequence[Any]) -> pl.Expr:
        words = [str(item).lower() if isinstance(item, bool) else str(item) for item in wanted]
        number = casting.decimal(value, given) if given.is_numeric() else None
        if number is None:
            return casting.plain(value, given).is_in(words)
        bounds = [pl.lit(Decimal(word)).cast(casting.WORKING) for word in words if _is_number(word)]
        return pl.any_horizontal(number == bound for bound in bounds) if bounds else pl.lit(value=False)


def _holding(found: Computed) -> pl.Expr:
    return found.value.fill_null(value=False)


def _is_number(word: str) -> bool:
    return word.removeprefix("-").replace(".", "", 1).isdecimal()
