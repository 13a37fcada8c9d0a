"""django-import-export: a ModelResource over the query as an unmanaged model, exported as csv."""

from __future__ import annotations

import uuid
from pathlib import Path
from urllib.parse import unquote, urlsplit

import django
import psycopg
from django.conf import settings
from rows import given

url, query, target = given()
parts = urlsplit(url)
options = dict(pair.split("=", 1) for pair in parts.query.split("&") if pair)
settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": parts.path.lstrip("/"),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": unquote(options.get("host", parts.hostname or "")),
            "PORT": parts.port or "",
        }
    },
    USE_TZ=True,
    INSTALLED_APPS=["import_export"],
)
django.setup()

from django.db import models  # only after setup
from import_export import resources

view = f"bench_{uuid.uuid4().hex[:8]}"
with psycopg.connect(url, autocommit=True) as connection:
    connection.execute(f"CREATE VIEW {view} AS {query}")  # type: ignore[arg-type]
    names = [column.name for column in connection.execute(f"SELECT * FROM {view} LIMIT 0").description or ()]
    fields = {name: models.TextField(primary_key=number == 0) for number, name in enumerate(names)}
    meta = type("Meta", (), {"managed": False, "db_table": view, "app_label": "bench"})
    model = type("Row", (models.Model,), {**fields, "Meta": meta, "__module__": "bench"})
    resource = resources.modelresource_factory(model=model)
    Path(target).write_text(resource().export(model.objects.all()).csv, "utf-8", newline="")
    connection.execute(f"DROP VIEW {view}")
