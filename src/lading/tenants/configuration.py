"""
What this installation is set to, in the ledger of the instance: an entry whenever a worker starts with other settings.

Of each setting a digest is told, so that an auditor who is shown a configuration can tell whether it was in force; of a
secret only whether there is one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Final

from lading import canonical
from lading.db.database import Database
from lading.db.statements import Statements
from lading.ledger import store
from lading.ledger.entry import SYSTEM, Entry
from lading.settings import TABLE, Settings
from lading.tenants.model import INSTANCE_ID

_SQL: Final = Statements("lading.tenants")
_LOCK: Final = 0x1AD1_5E77  # any number that nothing else here locks on
_SUBJECT: Final = "configuration:settings"


async def note(database: Database, settings: Settings) -> bool:
    """Tell the instance's ledger the settings, if they are not those told last; return whether it did."""
    digests = digests_of(settings)
    async with database.tenant(INSTANCE_ID) as tx:
        await tx.one(_SQL["await_configuration"], key=_LOCK)
        before = _told(await store.history(tx, _SUBJECT, limit=1))
        if before == digests:
            return False
        changed = sorted(name for name in digests.keys() | before.keys() if digests.get(name) != before.get(name))
        whole = hashlib.sha256(canonical.encode(dict(digests))).hexdigest()
        data = {"sha256": whole, "changed": changed if before else [], "settings": dict(digests)}
        await store.record(tx, Entry("configuration.changed", _SUBJECT, SYSTEM, data))
    return True


def digests_of(settings: Settings) -> Mapping[str, str]:
    """
    Return of every setting the beginning of the SHA-256 of its text; of a secret whether it is set.

    >>> digests_of(Settings(workers=3, database_url="postgresql://x:secret@db/l"))["database_url"]
    'set'
    """
    return {
        each.name: ("set" if value is not None else "not set")
        if each.secret
        else hashlib.sha256(str(value).encode()).hexdigest()[:32]
        for each in TABLE
        for value in [getattr(settings, each.name)]
    }


def _told(lines: Sequence[bytes]) -> Mapping[str, str]:
    return json.loads(bytes(lines[0]))["data"]["settings"] if lines else {}
