"""What tenants, keys, members and identity providers may be: names, lifetimes, claims.  Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from lading.errors import FieldError, Forbidden, InvalidInput
from lading.tenants.model import RIGHTS, Principal, Role, Scope, may_hand_out

MOST_OVERLAP_SECONDS: Final = 30 * 86_400
_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,62}", re.ASCII)
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}", re.ASCII)
_EMAIL: Final = re.compile(r"[^@\s\x00-\x20]{1,64}@[a-z0-9](?:[a-z0-9.-]{0,252}[a-z0-9])?")
_LONGEST_NAME: Final = 200
_LONGEST_ISSUER: Final = 500
_LONGEST_WORD: Final = 255
_LONGEST_CLAIM: Final = 200
_MOST_ROLES: Final = 50
_MOST_REQUIRED: Final = 10
_LONGEST_LIFE: Final = timedelta(days=100 * 366)


def admit_tenant(slug: str, *, name: str) -> None:
    """Raise InvalidInput naming the field that can't be."""
    if _SLUG.fullmatch(slug) is None:
        raise InvalidInput.field("slug", "use 2 to 63 of a-z, 0-9 and -, beginning with a letter or digit.")
    admit_name(name)


def admit_key(name: str, *, expires_at: datetime | None, now: datetime) -> None:
    """Raise InvalidInput naming the field that can't be."""
    admit_name(name)
    if expires_at is None:
        return
    if expires_at <= now:
        raise InvalidInput.field("expires_at", "is in the past; give a later instant or leave it out.")
    if expires_at > now + _LONGEST_LIFE:
        raise InvalidInput.field("expires_at", "is over a hundred years away; give an earlier one or leave it out.")


def admit_life(expires_at: datetime | None, *, of: Principal) -> datetime | None:
    """Return when a key ends that `of` makes: a key makes none that outlives it; InvalidInput when it asks for that."""
    latest = end_of(of)
    if latest is None:
        return expires_at
    if expires_at is not None and expires_at > latest:
        ends = latest.isoformat(timespec="seconds")
        raise InvalidInput.field("expires_at", f"is after the end of the key that asks ({ends}); give an earlier one.")
    return expires_at or latest


def end_of(principal: Principal) -> datetime | None:
    """Return when a key ends, None for never; a member's token ends, the member does not."""
    return principal.expires_at if principal.kind == "key" else None


def admit_name(name: str) -> None:
    """Raise InvalidInput unless people can be shown this."""
    if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        raise InvalidInput.field("name", f"use 1 to {_LONGEST_NAME} printable characters.")


def admit_grant(holder: frozenset[Scope], wanted: frozenset[Scope], *, field: str = "role") -> None:
    """Raise Forbidden unless who has `holder` may give `wanted` to another."""
    if not may_hand_out(holder, wanted):
        missing = ", ".join(sorted(wanted - holder))
        raise Forbidden(f"{field}: nobody hands out more than they have; you lack {missing}. Ask an admin who has it.")


def is_slug(text: str) -> bool:
    """
    Tell whether a tenant could be called that.

    >>> is_slug("nordlys"), is_slug("../etc")
    (True, False)
    """
    return _SLUG.fullmatch(text) is not None


def parse_role(text: str, *, field: str = "role") -> Role:
    """Return the role called `text`; InvalidInput lists them when there is none."""
    try:
        return Role(text)
    except ValueError:
        known = ", ".join(sorted(Role))
        raise InvalidInput.field(field, f"{text[:60]!r} is not a role; choose one of {known}.") from None


def parse_scopes(texts: Sequence[str] | None, *, role: Role) -> frozenset[Scope] | None:
    """
    Return the scopes that a key is narrowed to, None for all of its role; InvalidInput when the role has them not.

    >>> parse_scopes(["read"], role=Role.ADMIN), parse_scopes(None, role=Role.ADMIN)
    (frozenset({<Scope.READ: 'read'>}), None)
    """
    if texts is None:
        return None
    own = ", ".join(sorted(RIGHTS[role]))
    if not texts:
        raise InvalidInput.field("scopes", f"name at least one of {own}, or leave it out for all of them.")
    if not set(texts) <= set(RIGHTS[role]):
        raise InvalidInput.field("scopes", f"must be some of those of the role {role}: {own}.")
    return frozenset(Scope(each) for each in texts)


def admit_email(text: str) -> str:
    """
    Return an e-mail address in lower case; InvalidInput when it is none.

    >>> admit_email("Kari@Nordlys.example")
    'kari@nordlys.example'
    """
    folded = text.strip().lower()
    if len(folded) > 254 or not folded.isprintable() or _EMAIL.fullmatch(folded) is None:
        raise InvalidInput.field("email", "is no e-mail address; write it as name@domain.")
    return folded


def admit_person(issuer: str, subject: str) -> None:
    """Raise InvalidInput unless a provider could know somebody so."""
    admit_issuer(issuer)
    if not is_word(subject):
        raise InvalidInput.field("subject", f"use the `sub` of the person's tokens, 1 to {_LONGEST_WORD} characters.")


def admit_issuer(issuer: str) -> None:
    """Raise InvalidInput unless `issuer` can be the `iss` of tokens: an address without query, user or fragment."""
    try:
        parts = urlsplit(issuer)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    is_fine = (
        host
        and port != 0
        and parts.scheme in {"https", "http"}
        and not (parts.query or parts.fragment or "?" in issuer or "#" in issuer or "@" in parts.netloc)
        and issuer.isascii()
        and issuer.isprintable()
        and " " not in issuer
        and len(issuer) <= _LONGEST_ISSUER
    )
    if not is_fine:
        raise InvalidInput.field("issuer", "must be the https address that the provider's tokens have as `iss`.")


def admit_provider(
    name: str, *, issuer: str, audience: str, require: Mapping[str, str], roles: Sequence[tuple[str, str, str]]
) -> None:
    """Raise InvalidInput naming every field of an identity provider that can't be; `roles` are claim, value, role."""
    errors: list[FieldError] = []
    if _NAME.fullmatch(name) is None:
        raise InvalidInput.field("name", "use 1 to 63 of a-z, 0-9, _ and -, beginning with a letter or digit.")
    admit_issuer(issuer)
    if not is_word(audience):
        errors.append(FieldError("/audience", f"use 1 to {_LONGEST_WORD} printable characters: the `aud` of tokens."))
    if len(require) > _MOST_REQUIRED or not all(_is_rule(claim, value) for claim, value in require.items()):
        errors.append(
            FieldError("/require", f"name at most {_MOST_REQUIRED} claims, each with a value to be equal to.")
        )
    if len(roles) > _MOST_ROLES:
        errors.append(FieldError("/roles", f"give at most {_MOST_ROLES} rules."))
    for number, (claim, value, role) in enumerate(roles[:_MOST_ROLES]):
        if not _is_rule(claim, value):
            errors.append(FieldError(f"/roles/{number}", "needs a claim and a value of 1 to 200 characters."))
        if role not in set(Role):
            errors.append(FieldError(f"/roles/{number}/role", f"choose one of {', '.join(sorted(Role))}."))
    if errors:
        raise InvalidInput("; ".join(f"{each.pointer[1:]}: {each.detail}" for each in errors), tuple(errors))


def is_word(text: str) -> bool:
    """Tell whether `text` can be a subject or an audience."""
    return 0 < len(text) <= _LONGEST_WORD and text.isprintable()


def _is_rule(claim: str, value: str) -> bool:
    return all(0 < len(each) <= _LONGEST_CLAIM and each.isprintable() for each in (claim, value))
