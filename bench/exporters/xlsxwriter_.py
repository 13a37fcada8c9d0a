"""XlsxWriter in its constant_memory mode."""

from __future__ import annotations

import datetime

import xlsxwriter
from rows import given, rows

url, query, target = given()
book = xlsxwriter.Workbook(target, {"constant_memory": True, "default_date_format": "dd.mm.yyyy"})
sheet = book.add_worksheet()
for number, row in enumerate(rows(url, query)):
    for column, value in enumerate(row):
        plain = value.replace(tzinfo=None) if isinstance(value, datetime.datetime) else value
        sheet.write(number, column, plain)
book.close()
