"""
Ranges of keys at sources whose rows we bring in order ourselves: where parts end, and which rows lie in one.

Where parts end is found among the keys in the order in which all rows are read, so that the parts are what the whole
is.  What a source is asked for compares as that order does: whole numbers by value, text by the bytes of UTF-8, days
and times by time; a key of another type is refused, because its order there is not ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from lading.errors import SourceRefused
from lading.sources.model import KeyRange, Size


@dataclass(frozen=True, slots=True)
class Column:
    """
    One column of a key: what is compared, and how a bound is written there.

    `bound` makes the value that is bound from its text, `form` the expression from its placeholder; `name` is quoted.
    """

    name: str
    compared: str
    form: str = "{}"
    bound: Callable[[str], object] = str


def ends(
    batches: Iterable[pa.RecordBatch], key: Sequence[str], *, size: Size, total: Callable[[], int]
) -> Iterator[tuple[str, ...]]:
    """
    Yield the keys at which parts of this size end, of rows in the order of their keys; the last row ends none.

    >>> keys = pa.RecordBatch.from_pydict({"id": [3, 5, 8, 9]})
    >>> list(ends([keys], ["id"], size=Size(rows=2), total=int))
    [('5',)]
    >>> list(ends([keys], ["id"], size=Size(count=3), total=lambda: 4))
    [('5',), ('8',)]
    """
    number, held = 0, None
    for batch in batches:
        for values in zip(*(batch.column(name).to_pylist() for name in key), strict=True):
            number += 1
            if held is not None:
                yield held
            held = tuple(_text(value) for value in values) if _is_end(number, size, total) else None


def _is_end(number: int, size: Size, total: Callable[[], int]) -> bool:
    if size.rows is not None:
        return number % size.rows == 0
    # Where so many parts of even size end; each row ends one where there are fewer rows than parts.
    assert size.count is not None
    return number * size.count % total() < size.count


def condition(
    wanted: KeyRange, key: Sequence[Column], *, placeholder: Callable[[str], str]
) -> tuple[str, Mapping[str, object]]:
    """
    Return what holds for the rows of a range, and the values that are bound in it.

    A row whose key is empty belongs to the last range, so that whoever reads that finds the fault.

    >>> condition(KeyRange(("1",), None), [Column("id", "id", bound=int)], placeholder=":{}".format)
    ('(id > :lading_low_0 OR id IS NULL)', {'lading_low_0': 1})
    """
    said: list[str] = []
    values: dict[str, object] = {}
    for side, bounds in (("low", wanted.low), ("high", wanted.high)):
        if bounds is None:
            continue
        names = [f"lading_{side}_{number}" for number in range(len(key))]
        values.update({name: column.bound(text) for name, column, text in zip(names, key, bounds, strict=True)})
        forms = [column.form.format(placeholder(name)) for name, column in zip(names, key, strict=True)]
        if side == "low":
            empty = [f"{column.name} IS NULL" for column in key] if wanted.high is None else []
            said.append(" OR ".join([_beyond(key, forms, ">"), *empty]))
        else:
            equal = " AND ".join(f"{column.compared} = {form}" for column, form in zip(key, forms, strict=True))
            said.append(f"{_beyond(key, forms, '<')} OR ({equal})")
    return " AND ".join(f"({each})" for each in said) or "1 = 1", values


def _beyond(key: Sequence[Column], forms: Sequence[str], sign: str) -> str:
    """Return what holds for keys beyond a bound, the first column counting most."""
    ways: list[str] = []
    for place in range(len(key)):
        before = [f"{key[each].compared} = {forms[each]}" for each in range(place)]
        ways.append(" AND ".join([*before, f"{key[place].compared} {sign} {forms[place]}"]))
    first = f"{key[0].compared} {sign}= {forms[0]}"
    # The first column alone once more: an index on it is used for that.
    return ways[0] if len(ways) == 1 else f"({first} AND ({' OR '.join(f'({way})' for way in ways)}))"


def unfit(name: str, type_: str, what: str) -> SourceRefused:
    """Return the error for a key whose order at the source is not ours."""
    return SourceRefused(
        f"The key {name!r} is {type_} in the {what}, which can't be read in parts by it. Choose a key of whole "
        "numbers, text or times, or leave source.parts out of the profile."
    )


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return (value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value).isoformat(" ")
    return value.isoformat() if isinstance(value, date) else str(value)
