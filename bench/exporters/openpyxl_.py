"""openpyxl in its write-only mode."""

from __future__ import annotations

import datetime

import openpyxl
from rows import given, rows

url, query, target = given()
book = openpyxl.Workbook(write_only=True)
sheet = book.create_sheet()
for row in rows(url, query):
    sheet.append([value.replace(tzinfo=None) if isinstance(value, datetime.datetime) else value for value in row])
book.save(target)
