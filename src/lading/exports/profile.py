"""
The profile: how rows of one source become one report, as versioned configuration and never as code.

`load_yaml` reads text, `parse` turns a document into a `Profile` or raises ProfileInvalid that names each fault by
JSON pointer (and line, if the document came from text).  Unknown keys are refused.  Nothing here touches a row: that
is `exports/mapping`.  The language, with a complete example to copy, is in docs/reference/profiles.md.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from lading.exports import cel, document, profile_checks
from lading.exports.cel import Expression
from lading.exports.document import Document
from lading.exports.parameters import Parameter, admit
from lading.exports.patterns import DatePattern, NumberPattern, boolean_words, date_pattern, number_pattern
from lading.sources.model import Selection, Size

Type: TypeAlias = Literal["string", "integer", "decimal", "date", "timestamp", "boolean"]
Format: TypeAlias = Literal["csv", "tsv", "xlsx", "json", "ndjson", "parquet", "xml", "pdf"]
Scalar: TypeAlias = str | int | bool

_BOOLEANS: Final = {"nb": "Ja/Nei", "en": "Yes/No"}
_TABS: Final = {"delimiter": "\t", "bom": False, "decimal": ".", "line_end": "lf"}
_DATES: Final = {"nb": "DD.MM.YYYY", "en": "YYYY-MM-DD"}


@dataclass(frozen=True, slots=True)
class Condition:
    """A claim about one source column: `operator` is equals, in, not_in, present, at_least or at_most."""

    source: str
    operator: str
    value: Any


Claim: TypeAlias = Condition | Expression


@dataclass(frozen=True, slots=True)
class Rule:
    """Where `when` holds (always, if None), `require` must hold; otherwise the row is bad with `code`."""

    code: str
    when: Claim | None
    require: Claim


@dataclass(frozen=True, slots=True)
class Mask:
    """How personal data leaves less than it came: initials, first_letter, pseudonym or redact."""

    kind: str
    prefix: str
    length: int
    domain: str
    text: str


@dataclass(frozen=True, slots=True)
class Transform:
    """One step on a value; `argument` belongs to the step."""

    kind: str
    argument: Any = None


@dataclass(frozen=True, slots=True)
class Column:
    """One output column: where its value comes from, what may stand in it and how it is written."""

    name: str
    type: Type
    source: str | None
    constant: Scalar | None
    parameter: str | None
    concat: tuple[str, ...]
    separator: str
    expression: Expression | None
    transforms: tuple[Transform, ...]
    values: Mapping[str, str | int] | None
    fallback: str | int | None
    required: bool
    required_if: Claim | None
    minimum: str | int | None
    maximum: str | int | None
    max_length: int | None
    pattern: str | None
    default: Scalar | None
    placeholder: str | None
    mask: Mask | None
    width: int | None
    date_format: DatePattern
    number_format: NumberPattern
    boolean_words: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Deduplication:
    """Rows with the same fingerprint are one; the one with the lowest `keep` stays.  `by_day` compares by local day."""

    fingerprint: tuple[str, ...]
    by_day: frozenset[str]
    keep: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Totals:
    """The last row: `label` in `label_column`, and a sum or count under the `columns`."""

    label: str
    label_column: str
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CsvStyle:
    """How csv, or tsv, is written."""

    delimiter: str = ";"
    bom: bool = True
    decimal: str = ","
    line_end: str = "\r\n"


@dataclass(frozen=True, slots=True)
class JsonStyle:
    """How json and ndjson are written: numbers as text, for readers that hold them as doubles."""

    is_text: bool = False


@dataclass(frozen=True, slots=True)
class ParquetStyle:
    """How parquet is written."""

    compression: Literal["zstd", "snappy"] = "zstd"


@dataclass(frozen=True, slots=True)
class XlsxStyle:
    """How xlsx is written."""

    sheet: str = "Rapport"
    long_text: Literal["truncate", "fail"] = "truncate"


@dataclass(frozen=True, slots=True)
class Figure:
    """One key figure of the pdf: count of rows, or sum or distinct count of a column."""

    label: str
    kind: str
    column: str | None


@dataclass(frozen=True, slots=True)
class Group:
    """One breakdown table of the pdf: rows counted `by` a column, with sums."""

    by: str
    label: str
    sums: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PdfStyle:
    """What the pdf shows."""

    subtitle: str = ""
    columns: tuple[str, ...] = ()
    rows: int = 1000
    figures: tuple[Figure, ...] = ()
    groups: tuple[Group, ...] = ()


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile that has been checked; the raw document stays with whoever stores it."""

    name: str
    type: str
    title: str
    description: str
    schema_version: str
    language: Literal["nb", "en"]
    timezone: str
    source: str
    selection: Selection
    key: tuple[str, ...]
    attachments: Selection | None
    parameters: Mapping[str, Parameter]
    formats: tuple[Format, ...]
    default_format: Format
    file_name: str
    columns: tuple[Column, ...]
    parts: Size | None = None
    deduplicate: Deduplication | None = None
    rules: tuple[Rule, ...] = ()
    filter: Expression | None = None
    totals: Totals | None = None
    threshold_percent: int = 20
    on_empty: Literal["file", "none", "fail"] = "file"
    csv: CsvStyle = field(default_factory=CsvStyle)
    tsv: CsvStyle = field(default_factory=lambda: _csv(_TABS))
    json: JsonStyle = field(default_factory=JsonStyle)
    parquet: ParquetStyle = field(default_factory=ParquetStyle)
    xlsx: XlsxStyle = field(default_factory=XlsxStyle)
    pdf: PdfStyle = field(default_factory=PdfStyle)

    @property
    def query(self) -> str:
        """Return the query of a profile that has one."""
        return self.selection.query or ""

    def column(self, name: str) -> Column:
        """Return the output column called `name`."""
        return next(column for column in self.columns if column.name == name)

    def admit_parameters(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return `given` checked, normalised and with defaults; raise InvalidInput that names the parameter."""
        return admit(self.parameters, given)

    def file_stem(self, period_from: datetime.date, period_to: datetime.date) -> str:
        """Return the report's file name without its ending."""
        return self.file_name.format(
            profile=self.name, type=self.type, period_from=period_from, period_to=period_to, year=period_to.year
        )


def load_yaml(text: str) -> Document:
    """Return the document written in `text`; raise ProfileInvalid that names the line."""
    return document.load(text)


def digest(values: Mapping[str, Any]) -> bytes:
    """Return the 32 bytes that stand for this document, whatever its key order."""
    return document.digest(dict(values))


def parse(values: Mapping[str, Any]) -> Profile:
    """Return the profile of a document; raise ProfileInvalid with every fault found."""
    profile_checks.check(values)
    source, language = values["source"], values.get("language", "nb")
    return Profile(
        name=values["profile"],
        type=values["type"],
        title=values["title"],
        description=values.get("description", ""),
        schema_version=values.get("schema_version", "1"),
        language=language,
        timezone=values.get("timezone", "Europe/Oslo"),
        source=source["name"],
        selection=_selection(source),
        key=tuple(source["key"]),
        attachments=_selection(source["attachments"]) if "attachments" in source else None,
        parameters={name: Parameter.of(name, given) for name, given in values.get("parameters", {}).items()},
        formats=tuple(values["formats"]),
        default_format=values.get("default_format", values["formats"][0]),
        file_name=values.get("file_name", "{profile}_{period_from}_{period_to}"),
        columns=tuple(_column(given, language) for given in values["columns"]),
        parts=Size(**source["parts"]) if "parts" in source else None,
        deduplicate=_deduplication(values.get("deduplicate")),
        rules=tuple(
            Rule(given["code"], None if "when" not in given else _claim(given["when"]), _claim(given["require"]))
            for given in values.get("rules", ())
        ),
        filter=cel.parse(values["filter"]) if "filter" in values else None,
        totals=Totals(**values["totals"]) if "totals" in values else None,
        threshold_percent=values.get("quarantine", {}).get("threshold_percent", 20),
        on_empty=values.get("on_empty", "file"),
        csv=_csv(values.get("csv", {})),
        tsv=_csv(_TABS | values.get("tsv", {})),
        json=JsonStyle(is_text=values.get("json", {}).get("numbers") == "text"),
        parquet=ParquetStyle(**values.get("parquet", {})),
        xlsx=XlsxStyle(**values.get("xlsx", {})),
        pdf=_pdf(values.get("pdf", {}), values["columns"]),
    )


def _selection(given: Mapping[str, Any]) -> Selection:
    return Selection(given.get("query"), given.get("read"), given.get("request"), given.get("remote"))


def _column(given: Mapping[str, Any], language: str) -> Column:
    kind, written, null = given["type"], given.get("format"), given.get("null", "omit")
    policy: Mapping[str, Any] = {} if null == "omit" else null
    date_format = written if kind in {"date", "timestamp"} and written else _DATES[language]
    if kind == "timestamp" and not written:
        date_format += " HH:mm"
    number_format = written if kind in {"integer", "decimal"} and written else "0.00" if kind == "decimal" else "0"
    return Column(
        name=given["name"],
        type=kind,
        source=given.get("from"),
        constant=given.get("constant"),
        parameter=given.get("parameter"),
        concat=tuple(given.get("concat", ())),
        separator=given.get("separator", " "),
        expression=cel.parse(given["expression"]) if "expression" in given else None,
        transforms=tuple(_transform(step) for step in given.get("transform", ())),
        values=given.get("values"),
        fallback=given.get("fallback"),
        required=given.get("required", False),
        required_if=_claim(given["required_if"]) if "required_if" in given else None,
        minimum=given.get("minimum"),
        maximum=given.get("maximum"),
        max_length=given.get("max_length"),
        pattern=given.get("pattern"),
        default=policy.get("default"),
        placeholder=policy.get("placeholder"),
        mask=_mask(given.get("mask"), given),
        width=given.get("width"),
        date_format=date_pattern(date_format),
        number_format=number_pattern(number_format),
        boolean_words=boolean_words(written if kind == "boolean" and written else _BOOLEANS[language]),
    )


def _transform(step: str | Mapping[str, Any]) -> Transform:
    if isinstance(step, str):
        return Transform(step)
    ((kind, argument),) = step.items()
    return Transform(kind, tuple(argument) if isinstance(argument, list) else argument)


def _mask(given: Mapping[str, Any] | None, column: Mapping[str, Any]) -> Mask | None:
    if given is None:
        return None
    domain = given.get("domain") or column.get("from") or " ".join(column.get("concat", ()))
    return Mask(given["kind"], given.get("prefix", ""), given.get("length", 16), domain, given.get("text", "***"))


def _claim(given: str | Mapping[str, Any]) -> Claim:
    if isinstance(given, str):
        return cel.parse(given)
    ((operator, value),) = ((key, value) for key, value in given.items() if key != "from")
    return Condition(given["from"], operator, tuple(value) if isinstance(value, list) else value)


def _deduplication(given: Mapping[str, Any] | None) -> Deduplication | None:
    if given is None:
        return None
    parts = [(part, False) if isinstance(part, str) else (part["from"], True) for part in given["fingerprint"]]
    by_day = frozenset(name for name, is_day in parts if is_day)
    return Deduplication(tuple(name for name, _ in parts), by_day, tuple(given["keep"]))


def _csv(given: Mapping[str, Any]) -> CsvStyle:
    line_end = "\n" if given.get("line_end") == "lf" else "\r\n"
    return CsvStyle(given.get("delimiter", ";"), given.get("bom", True), given.get("decimal", ","), line_end)


def _pdf(given: Mapping[str, Any], columns: list[Mapping[str, Any]]) -> PdfStyle:
    names = [column["name"] for column in columns]
    return PdfStyle(
        subtitle=given.get("subtitle", ""),
        columns=tuple(given.get("columns", names[:8])),
        rows=given.get("rows", 1000),
        figures=tuple(_figure(figure) for figure in given.get("figures", ())),
        groups=tuple(
            Group(group["by"], group.get("label", group["by"]), tuple(group.get("sum", ())))
            for group in given.get("groups", ())
        ),
    )


def _figure(given: Mapping[str, Any]) -> Figure:
    if "count" in given:
        return Figure(given["label"], "count", None)
    kind = "sum" if "sum" in given else "distinct"
    return Figure(given["label"], kind, given[kind])
