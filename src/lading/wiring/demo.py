"""
The example organisations on a running Lading: their data loaded beside its database, the rest through its API.

Each becomes a tenant with the source `activities` and the profile `bufdir`.  Doing it again changes nothing.
"""

from __future__ import annotations

import contextlib
from typing import Final

import psycopg

from lading.client.sync.client import Client
from lading.db.database import unavailable
from lading.db.statements import Statements
from lading.errors import Conflict, EnvironmentUnfit, InvalidInput
from lading.example import load, reports
from lading.example.organisations import BY_SLUG, ORGANISATIONS
from lading.settings import Settings
from lading.wire.sources import SourceRequest
from lading.wiring import database

PROFILE: Final = reports.PROFILE
_SQL: Final = Statements(__package__ or "lading.wiring")


def known(slug: str) -> str:
    """Return `slug` if it is an example organisation; InvalidInput names them otherwise."""
    if slug not in BY_SLUG:
        raise InvalidInput.field("organisation", f"{slug[:60]!r} is not an example; choose {', '.join(BY_SLUG)}.")
    return slug


def refuse_foreign_database(settings: Settings) -> None:
    """Refuse a PostgreSQL of somebody else's in which the example may not be made; nothing is made there before."""
    if settings.database_url is None:
        return
    url = database.url_of_running(settings)
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            row = connection.execute(_SQL["may_create"]).fetchone()
    except psycopg.OperationalError as error:
        raise unavailable(url, error) from error
    if row is None or not row[0]:
        raise EnvironmentUnfit(
            "The demo makes an example database in the PostgreSQL of LADING_DATABASE_URL, whose user may not do that; "
            "unset LADING_DATABASE_URL to use the embedded one, or give the user CREATEDB and CREATEROLE."
        )


def load_example(settings: Settings) -> load.Loaded:
    """Make sure that the activity database is there, in the server that the running Lading uses."""
    place = settings.data_dir / "example"
    url = database.url_of_running(settings)
    try:
        return load.load(url, place / "attachments", credentials_dir=place / "credentials")
    except psycopg.OperationalError as error:
        raise unavailable(url, error) from error


def register(url: str, token: str, loaded: load.Loaded) -> None:
    """Make tenant, source and profile of every example organisation through the API at `url`."""
    for organisation in ORGANISATIONS:
        slug = organisation.slug
        with Client(url, token=token, tenant=slug) as client:
            with contextlib.suppress(Conflict):  # an earlier demo made it
                client.tenants.create(slug, name=organisation.name)
            source = SourceRequest(
                credentials_ref=f"file:{loaded.credentials[slug]}", attachments_ref=f"file:{loaded.attachments[slug]}"
            )
            client.sources.apply(reports.SOURCE, source)
            client.profiles.apply(reports.PROFILE, reports.document(slug), activate=True)
