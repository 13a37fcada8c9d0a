"""
The parts of a spreadsheet file around its sheets: relations, properties, sheet list and styles.

Styles are numbered: 0 default, `HEADER`, `TEXT`, `TOTAL_TEXT`, then from `FIRST_FREE` two for each number format, plain
and total.  The properties are dated to the end of the period, never to the clock.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from typing import Final
from xml.sax.saxutils import escape, quoteattr

XML: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
HEADER: Final = 1
TEXT: Final = 2
TOTAL_TEXT: Final = 3
FIRST_FREE: Final = 4

_RELATIONS: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
_OFFICE: Final = "application/vnd.openxmlformats-officedocument"
_EXTENDED: Final = "http://schemas.openxmlformats.org/officeDocument/2006/extended-properties"
_BUILT_IN: Final = {"General": 0, "@": 49}
_OWN_FORMATS_FROM: Final = 164

# Fonts: plain, bold, bold white.  Fills: none, gray125 (both demanded), header.  Borders: none, total.
_LOOKS: Final = """\
<fonts count="3">\
<font><sz val="11"/><name val="Calibri"/><family val="2"/></font>\
<font><b/><sz val="11"/><name val="Calibri"/><family val="2"/></font>\
<font><b/><sz val="11"/><color rgb="FFFFFFFF"/><name val="Calibri"/><family val="2"/></font></fonts>\
<fills count="3"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>\
<fill><patternFill patternType="solid"><fgColor rgb="FF1F3A4D"/><bgColor indexed="64"/></patternFill></fill></fills>\
<borders count="2"><border><left/><right/><top/><bottom/><diagonal/></border>\
<border><left/><right/><top style="thin"><color rgb="FF1F3A4D"/></top>\
<bottom style="double"><color rgb="FF1F3A4D"/></bottom><diagonal/></border></borders>\
<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>\
"""


def opening(title: str, author: str, dated: datetime.date) -> Iterator[tuple[str, str]]:
    """Yield name and text of the parts known before the rows; programs look at the first of them to know the file."""
    yield (
        "_rels/.rels",
        _relations(
            (f"{_RELATIONS}/officeDocument", "xl/workbook.xml"),
            (f"{_PACKAGE}/relationships/metadata/core-properties", "docProps/core.xml"),
            (f"{_RELATIONS}/extended-properties", "docProps/app.xml"),
        ),
    )
    yield "docProps/core.xml", _core(title, author, dated)
    yield "docProps/app.xml", f'{XML}<Properties xmlns="{_EXTENDED}"><Application>Lading</Application></Properties>'


def closing(sheet: str, sheets: int, formats: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield name and text of the parts that know how many sheets there are."""
    names = [sheet, *(f"{sheet} {number}" for number in range(2, sheets + 1))]
    yield "xl/workbook.xml", _book(names)
    worksheets = [(f"{_RELATIONS}/worksheet", f"worksheets/sheet{number}.xml") for number in range(1, sheets + 1)]
    yield "xl/_rels/workbook.xml.rels", _relations(*worksheets, (f"{_RELATIONS}/styles", "styles.xml"))
    yield "xl/styles.xml", _styles(formats)
    yield "[Content_Types].xml", _content_types(sheets)


def _relations(*targets: tuple[str, str]) -> str:
    links = "".join(
        f'<Relationship Id="rId{number}" Type="{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, 1)
    )
    return f'{XML}<Relationships xmlns="{_PACKAGE}/relationships">{links}</Relationships>'


def _core(title: str, author: str, dated: datetime.date) -> str:
    instant = f'xsi:type="dcterms:W3CDTF">{dated.isoformat()}T00:00:00Z'
    return (
        f'{XML}<cp:coreProperties xmlns:cp="{_PACKAGE}/metadata/core-properties"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<dc:title>{escape(title)}</dc:title><dc:creator>{escape(author)}</dc:creator>"
        f"<dcterms:created {instant}</dcterms:created><dcterms:modified {instant}</dcterms:modified>"
        "</cp:coreProperties>"
    )


def _book(names: Sequence[str]) -> str:
    sheets = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{number}" r:id="rId{number}"/>' for number, name in enumerate(names, 1)
    )
    # The header is repeated on every printed page.
    titles = "".join(
        f'<definedName name="_xlnm.Print_Titles" localSheetId="{index}">\'{escape(name)}\'!$1:$1</definedName>'
        for index, name in enumerate(names)
    )
    return (
        f'{XML}<workbook xmlns="{MAIN}" xmlns:r="{_RELATIONS}"><bookViews><workbookView activeTab="0"/></bookViews>'
        f"<sheets>{sheets}</sheets><definedNames>{titles}</definedNames></workbook>"
    )


def _content_types(sheets: int) -> str:
    kinds = {
        "xl/workbook.xml": f"{_OFFICE}.spreadsheetml.sheet.main+xml",
        **{f"xl/worksheets/sheet{n}.xml": f"{_OFFICE}.spreadsheetml.worksheet+xml" for n in range(1, sheets + 1)},
        "xl/styles.xml": f"{_OFFICE}.spreadsheetml.styles+xml",
        "docProps/core.xml": "application/vnd.openxmlformats-package.core-properties+xml",
        "docProps/app.xml": f"{_OFFICE}.extended-properties+xml",
    }
    overrides = "".join(f'<Override PartName="/{part}" ContentType="{kind}"/>' for part, kind in kinds.items())
    return (
        f'{XML}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{overrides}</Types>'
    )


def _styles(formats: Sequence[str]) -> str:
    ids = {text: _BUILT_IN.get(text, _OWN_FORMATS_FROM + index) for index, text in enumerate(formats)}
    own = [f'<numFmt numFmtId="{n}" formatCode={quoteattr(text)}/>' for text, n in ids.items() if text not in _BUILT_IN]
    declared = f'<numFmts count="{len(own)}">{"".join(own)}</numFmts>' if own else ""
    looks = [_look(0), _look(49, font=2, fill=2), _look(49), _look(49, font=1, border=1)]
    for number in ids.values():
        looks += [_look(number), _look(number, font=1, border=1)]
    return (
        f'{XML}<styleSheet xmlns="{MAIN}">{declared}{_LOOKS}<cellXfs count="{len(looks)}">{"".join(looks)}</cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    )


def _look(number: int, *, font: int = 0, fill: int = 0, border: int = 0) -> str:
    return (
        f'<xf numFmtId="{number}" fontId="{font}" fillId="{fill}" borderId="{border}" xfId="0" '
        'applyNumberFormat="1" applyFont="1" applyFill="1" applyBorder="1"/>'
    )
