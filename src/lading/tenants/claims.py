"""
What a signed token says, once it is proved to be its issuer's: the rules of RFC 7519, 8725 and OpenID Connect Core.

The issuer is read from the unproved token only to find its keys, among the issuers that somebody registered.  The
algorithm must be one of ours and fit the key: never none, never a shared secret.  What the header says of keys (jku,
jwk, x5c) is not read.  Signatures are checked by joserfc.  Pure.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from lading.errors import Unauthenticated
from lading.tenants import rules
from lading.tenants.model import Provider, Role

MOST_BYTES: Final = 8192
LEEWAY: Final = timedelta(seconds=30)
ALGORITHMS: Final[Mapping[str, tuple[str, str | None]]] = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), ("RSA", None)),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
    "Ed25519": ("OKP", "Ed25519"),
}
"""Algorithm to the type and curve of the keys it goes with."""

_TYPES: Final = frozenset({"jwt", "at+jwt", "application/jwt", "application/at+jwt"})
_LEAST_RSA_BITS: Final = 2048
_MOST_RSA_BITS: Final = 8192
_MOST_EXPONENT_BITS: Final = 64  # longer ones make a check take hundreds of times as long, for everybody else too
_MOST_KEYS: Final = 100
_MOST_TRIED: Final = 16
_LONGEST_KID: Final = 255
_LONGEST_EMAIL: Final = 254
_YEAR_10000: Final = 253_402_300_800
_FOREIGN: Final = (ValueError, TypeError, KeyError, OverflowError, RecursionError, AttributeError, UnsupportedAlgorithm)
_FAMILIES: Final = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}


@dataclass(frozen=True, slots=True)
class Unproved:
    """What a token says of itself; nothing of it may be believed."""

    text: str
    algorithm: str
    kid: str | None
    issuer: str


@dataclass(frozen=True, slots=True)
class Proved:
    """What the issuer says of the bearer; `email` only when the issuer vouches for it."""

    issuer: str
    subject: str
    audiences: frozenset[str]
    expires_at: datetime
    email: str | None
    name: str | None
    claims: Mapping[str, Any]


def looks_like(text: str) -> bool:
    """
    Tell whether `text` is a signed token and not a key of ours.

    >>> looks_like("eyJh.eyJp.c2ln"), looks_like("ldg_01_x_y")
    (True, False)
    """
    return text.count(".") == 2 and not text.startswith("ldg_")


def peek(text: str) -> Unproved:
    """Return what a token says of itself; Unauthenticated when no token that we would believe could look so."""
    if len(text) > MOST_BYTES or not text.isascii():
        raise _refused(f"The token is over {MOST_BYTES} bytes; ask for one with fewer claims.", "size")
    head, body = (_json(part) for part in text.split(".")[:2])
    algorithm, kid, issuer = head.get("alg"), head.get("kid"), body.get("iss")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise _refused("The token is signed in a way that is not accepted; use RS256, ES256 or EdDSA.", "algorithm")
    kind = head.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise _refused("The token is not for getting in: its type is another; send an access or ID token.", "type")
    if "crit" in head or "b64" in head:
        raise _refused("The token asks for an extension that is not known here.", "header")
    if kid is not None and not (isinstance(kid, str) and 0 < len(kid) <= _LONGEST_KID):
        raise _refused("The token's key id is none.", "header")
    if not isinstance(issuer, str) or not 0 < len(issuer) <= 500 or not issuer.isprintable():
        raise _refused("The token does not say who issued it.", "issuer")
    return Unproved(text, algorithm, kid, issuer)


def key_set(document: bytes) -> Sequence[Mapping[str, Any]]:
    """Return the public keys of a JWKS document that may prove a token; ValueError when it is no such document."""
    try:
        found = json.loads(document)["keys"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise ValueError("it is no JSON Web Key Set") from None
    if not isinstance(found, list) or len(found) > _MOST_KEYS:
        raise ValueError(f"it has no list of at most {_MOST_KEYS} keys")
    return [each for each in found if isinstance(each, dict) and _may_prove(each)]


def fitting(unproved: Unproved, keys: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """Return the keys that may have signed the token: the one of its id, or some of its kind if it names none."""
    family, curve = ALGORITHMS[unproved.algorithm]
    found = (
        key
        for key in keys
        if key.get("kty") == family
        and (curve is None or key.get("crv") == curve)
        and key.get("alg") in {None, unproved.algorithm}
        and (unproved.kid is None or key.get("kid") == unproved.kid)
    )
    return list(islice(found, _MOST_TRIED))


def prove(unproved: Unproved, keys: Sequence[Mapping[str, Any]], *, now: datetime) -> Proved:
    """Return what the token says, signed by one of `keys` and valid `now`; Unauthenticated says why it is not."""
    payload = next((found for found in (_signed(unproved, key) for key in keys) if found is not None), None)
    if payload is None:
        raise _refused("The token's signature is not its issuer's; get a new one.", "signature")
    claims = _object(payload)
    _require_time(claims, now)
    subject, audience = claims.get("sub"), claims.get("aud")
    audiences: list[Any] = audience if isinstance(audience, list) else [audience]
    if claims.get("iss") != unproved.issuer:
        raise _refused("The token says two issuers.", "issuer")
    if not isinstance(subject, str) or not rules.is_word(subject):
        raise _refused("The token does not say whose it is (`sub`).", "subject")
    if not audiences or not all(isinstance(each, str) for each in audiences):
        raise _refused("The token does not say whom it is for (`aud`).", "audience")
    return Proved(
        issuer=unproved.issuer,
        subject=subject,
        audiences=frozenset(audiences),
        expires_at=datetime.fromtimestamp(int(claims["exp"]), UTC),
        email=_vouched(claims),
        name=_name(claims),
        claims=claims,
    )


def is_for(proved: Proved, provider: Provider) -> bool:
    """Tell whether a tenant's registration of the issuer takes the token: its audience, and what it requires."""
    return provider.audience in proved.audiences and all(
        _has(proved.claims, claim, value) for claim, value in provider.require.items()
    )


def role_of(proved: Proved, provider: Provider) -> Role | None:
    """Return the role of the first rule that fits the claims, None when none does."""
    return next((rule.role for rule in provider.roles if _has(proved.claims, rule.claim, rule.value)), None)


def _signed(unproved: Unproved, key: Mapping[str, Any]) -> bytes | None:
    try:
        return jws.deserialize_compact(unproved.text, _imported(key), algorithms=[unproved.algorithm]).payload
    except (JoseError, *_FOREIGN):
        return None


def _imported(key: Mapping[str, Any]) -> Key:
    public = {name: key[name] for name in ("kty", "crv", "n", "e", "x", "y") if name in key}
    imported = _FAMILIES[key["kty"]].import_key(public)
    if isinstance(imported, RSAKey):
        numbers = imported.public_key.public_numbers()
        if not _LEAST_RSA_BITS <= numbers.n.bit_length() <= _MOST_RSA_BITS:
            raise ValueError("an RSA key of that size")
        if numbers.e.bit_length() > _MOST_EXPONENT_BITS:
            raise ValueError("an RSA key with that exponent")
    return imported


def _may_prove(key: Mapping[str, Any]) -> bool:
    operations = key.get("key_ops")
    return (
        isinstance(key.get("kty"), str)
        and key["kty"] in _FAMILIES
        and isinstance(key.get("kid"), str | None)
        and isinstance(key.get("alg"), str | None)
        and key.get("use") in {None, "sig"}
        and (operations is None or (isinstance(operations, list) and "verify" in operations))
    )


def _require_time(claims: Mapping[str, Any], now: datetime) -> None:
    instants = {name: claims[name] for name in ("exp", "nbf", "iat") if name in claims}
    if not all(isinstance(each, int | float) and 0 <= each < _YEAR_10000 for each in instants.values()):
        raise _refused("The token's times are none.", "time")
    at, leeway = now.timestamp(), LEEWAY.total_seconds()
    if "exp" not in instants:
        raise _refused("The token has no end (`exp`); get one that has.", "time")
    if instants["exp"] + leeway <= at:
        raise _refused("The token has expired; get a new one.", "expired")
    if max(instants.get("nbf", 0), instants.get("iat", 0)) - leeway > at:
        raise _refused("The token is not valid yet; compare the clocks.", "early")


def _has(claims: Mapping[str, Any], claim: str, value: str) -> bool:
    """
    Tell whether a claim is `value` or a list with it; dots lead into objects, unless the whole name is a claim.

    >>> _has({"realm_access": {"roles": ["a", "b"]}}, "realm_access.roles", "b"), _has({"a.b": "c"}, "a.b", "c")
    (True, True)
    """
    found: Any = claims.get(claim)
    if found is None:
        found = claims
        for part in claim.split("."):
            found = found.get(part) if isinstance(found, dict) else None
    if isinstance(found, bool):
        return value == ("true" if found else "false")
    return value in found if isinstance(found, list) else isinstance(found, str) and found == value


def _vouched(claims: Mapping[str, Any]) -> str | None:
    # Only the JSON value true: who lets people write their own address says "false", "true" as a word, or nothing.
    email = claims.get("email")
    if claims.get("email_verified") is not True or not isinstance(email, str):
        return None
    folded = email.strip().lower()
    # Neither the beginning of an address nor one that only looks so is that address: a Kelvin sign folds to a k.
    return None if len(folded) > _LONGEST_EMAIL or folded.isascii() != email.isascii() else folded


def _name(claims: Mapping[str, Any]) -> str | None:
    found = claims.get("name") or claims.get("preferred_username")
    fits = isinstance(found, str) and found.strip() and len(found) <= 200 and found.isprintable()
    return found if fits else None


def _json(part: str) -> Mapping[str, Any]:
    try:
        return _object(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except binascii.Error:
        raise _refused("This is not a whole token; copy it again, or get a new one.", "shape") from None


def _object(data: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise _refused("This is not a whole token; copy it again, or get a new one.", "shape")
    return found


def _refused(sentence: str, why: str) -> Unauthenticated:
    return Unauthenticated(sentence, why=why)
