"""A signed token is believed for what its issuer's key signed, now, in a way that is accepted; else it is nobody's."""

# A7: forged and expired tokens, other algorithms, other keys.

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey

from lading.errors import Unauthenticated
from lading.tenants import claims
from lading.tenants.model import INSTANCE_ID, Provider, Role, RoleRule

NOW = datetime(2026, 11, 21, tzinfo=UTC)
AT = int(NOW.timestamp())
ISSUER = "https://id.example"
RSA, OTHER, EC, OKP = (
    RSAKey.generate_key(2048, {"kid": "r"}),
    RSAKey.generate_key(2048, {"kid": "r"}),
    ECKey.generate_key("P-256", {"kid": "e"}),
    OKPKey.generate_key("Ed25519", {"kid": "o"}),
)
CLAIMS: dict[str, Any] = {"iss": ISSUER, "aud": "lading", "sub": "u-1", "iat": AT - 5, "exp": AT + 300}
KEYS = [key.as_dict(private=False) for key in (RSA, EC, OKP)]
ALL = [*claims.ALGORITHMS, "HS256"]


def token(key: Key = RSA, *, head: dict[str, Any] | None = None, **changed: Any) -> str:
    body = {name: value for name, value in {**CLAIMS, **changed}.items() if value is not None}
    header = {"alg": "RS256", "kid": key.kid, "typ": "JWT", **(head or {})}
    header = {name: value for name, value in header.items() if value is not None}
    registry = jws.JWSRegistry(algorithms=ALL, strict_check_header=False)
    return jws.serialize_compact(header, json.dumps(body).encode(), key, registry=registry)


def part(value: Any) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def proved(text: str, keys: list[Any] = KEYS) -> claims.Proved:
    unproved = claims.peek(text)
    return claims.prove(
        unproved, claims.fitting(unproved, claims.key_set(json.dumps({"keys": keys}).encode())), now=NOW
    )


def refused(text: str, keys: list[Any] = KEYS) -> str:
    with pytest.raises(Unauthenticated) as error:
        proved(text, keys)
    assert text not in error.value.message or not text
    return error.value.why


@pytest.mark.parametrize(("key", "algorithm"), [(RSA, "RS256"), (RSA, "PS512"), (EC, "ES256"), (OKP, "EdDSA")])
def test_a_token_of_the_issuer_says_whose_it_is(key: Key, algorithm: str) -> None:
    found = proved(token(key, head={"alg": algorithm}, email="Kari@X.example", email_verified=True, name="Kari"))

    assert (found.subject, found.audiences, found.email, found.name) == (
        "u-1", {"lading"}, "kari@x.example", "Kari",
    )  # fmt: skip
    assert found.expires_at.timestamp() == AT + 300


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"exp": AT - 31}, "expired"),
        ({"exp": None}, "time"),
        ({"exp": "tomorrow"}, "time"),
        ({"exp": 1e300}, "time"),
        ({"exp": True, "iat": -1}, "time"),
        ({"nbf": AT + 31}, "early"),
        ({"iat": AT + 31}, "early"),
        ({"sub": None}, "subject"),
        ({"sub": ""}, "subject"),
        ({"sub": 7}, "subject"),
        ({"sub": "a\x00b"}, "subject"),
        ({"sub": "x" * 256}, "subject"),
        ({"aud": None}, "audience"),
        ({"aud": []}, "audience"),
        ({"aud": ["lading", 7]}, "audience"),
        ({"iss": None}, "issuer"),
        ({"iss": ["https://id.example"]}, "issuer"),
    ],
)
def test_what_a_token_says_must_hold(changed: dict[str, Any], why: str) -> None:
    assert refused(token(**changed)) == why


def test_clocks_may_differ_by_half_a_minute() -> None:
    assert proved(token(exp=AT - 29, nbf=AT + 29, iat=AT + 29)).subject == "u-1"


@pytest.mark.parametrize(
    ("head", "why"),
    [
        ({"typ": "logout+jwt"}, "type"),
        ({"typ": "secevent+jwt"}, "type"),
        ({"typ": 7}, "type"),
        ({"crit": ["exp"], "exp": 1}, "header"),
        ({"crit": ["b64"], "b64": True}, "header"),
        ({"kid": "another"}, "signature"),
    ],
)
def test_what_the_header_asks_for_must_be_known(head: dict[str, Any], why: str) -> None:
    text = ".".join([part({"alg": "RS256", "kid": "r", "typ": "JWT", **head}), *token().split(".")[1:]])

    assert refused(text) == why


def test_a_token_for_an_api_may_be_typed_so() -> None:
    assert proved(token(head={"typ": "at+jwt"})).subject == "u-1"
    assert proved(token(head={"typ": None})).subject == "u-1"


def test_nobody_signs_for_the_issuer() -> None:
    head, body, signature = token().split(".")
    public = RSA.as_pem(private=False)
    secret = part(hmac.digest(public, f"{part({'alg': 'HS256', 'kid': 'r'})}.{body}".encode(), hashlib.sha256))
    own = OTHER.as_dict(private=False)

    assert refused(f"{part({'alg': 'none'})}.{body}.") == "algorithm"
    assert refused(f"{part({'alg': 'None'})}.{body}.") == "algorithm"
    assert refused(f"{part({'alg': 'HS256', 'kid': 'r'})}.{body}.{secret}") == "algorithm"
    assert refused(token(OTHER)) == "signature"
    assert refused(token(OTHER, head={"jwk": own})) == "signature"
    assert (
        refused(token(OTHER, head={"jku": "https://evil.example/keys", "x5u": "https://evil.example"})) == "signature"
    )
    assert refused(f"{head}.{part({**CLAIMS, 'sub': 'admin'})}.{signature}") == "signature"
    assert refused(f"{head}.{body}.") == "signature"
    assert refused(token(EC, head={"alg": "ES256", "kid": "r"})) == "signature"


@pytest.mark.parametrize(
    "key",
    [
        RSAKey.generate_key(1024, {"kid": "r"}).as_dict(private=False),
        {**RSA.as_dict(private=False), "use": "enc"},
        {**RSA.as_dict(private=False), "key_ops": ["sign"]},
        {**RSA.as_dict(private=False), "alg": "RS512"},
        {**RSA.as_dict(private=False), "kid": 7},
        {**RSA.as_dict(private=False), "n": "!!"},
        {**RSA.as_dict(private=False), "e": "AQ"},
        {**OctKey.generate_key(256).as_dict(private=True), "kid": "r"},
        {"kty": "RSA", "kid": "r"},
        {"kty": ["RSA"], "kid": "r"},
        "RSA",
    ],
)
def test_a_key_that_is_not_for_this_proves_nothing(key: Any) -> None:
    assert refused(token(), [key]) == "signature"


def test_a_weak_key_is_not_believed_though_it_signed() -> None:
    weak = RSAKey.generate_key(1024, {"kid": "r"})

    assert refused(token(weak), [weak.as_dict(private=False)]) == "signature"


def test_a_key_whose_check_takes_long_is_not_believed_though_it_signed() -> None:
    assert RSA.private_key is not None
    numbers = RSA.private_key.private_numbers()
    n = numbers.public_numbers.n
    signed = token().rpartition(".")[0]
    digest = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(signed.encode()).digest()
    padded = b"\x00\x01" + b"\xff" * (253 - len(digest)) + b"\x00" + digest
    signature = pow(int.from_bytes(padded), 65537, n).to_bytes(256)
    # The halves of the pair are exchanged, so that the public one is long.
    slow = {"kty": "RSA", "kid": "r", "n": part(n.to_bytes(256)), "e": part(numbers.d.to_bytes(256))}

    assert refused(f"{signed}.{part(signature)}", [slow]) == "signature"


def test_few_keys_are_tried_for_a_token_that_names_none() -> None:
    others = [OTHER.as_dict(private=False)] * 16
    unnamed = token(head={"kid": None})

    assert proved(unnamed, [*others[:15], *KEYS]).subject == "u-1"
    assert refused(unnamed, [*others, *KEYS]) == "signature"


@pytest.mark.parametrize(
    "document", [b"", b"[]", b"{}", b'{"keys": 7}', b"[" * 100_000, b'{"keys": [' + b"1," * 200 + b"1]}"]
)
def test_what_is_no_key_set_is_told(document: bytes) -> None:
    with pytest.raises(ValueError):
        claims.key_set(document)


@pytest.mark.parametrize(
    "text",
    [
        "a.b.c",
        "..",
        f"{part([])}.{part({})}.x",
        f"{part(b'[' * 5000)}.x.y",
        f"{part({'alg': 'RS256'})}.{part(b'[' * 5000)}.y",
        "é.b.c",
        "a" * 9000 + ".b.c",
        f"{part({'alg': ['RS256']})}.{part(CLAIMS)}.x",
        f"{part(b'1e999')}.x.y",
    ],
)
def test_what_is_no_token_is_refused_with_one_sentence(text: str) -> None:
    assert refused(text) in {"shape", "size", "algorithm"}


@given(st.binary(max_size=200), st.binary(max_size=200), st.binary(max_size=100))
def test_no_bytes_break_the_reader(head: bytes, body: bytes, signature: bytes) -> None:
    with pytest.raises(Unauthenticated):
        proved(".".join(part(each) for each in (head, body, signature)))


@pytest.mark.parametrize("said", [{"email_verified": "true"}, {"email_verified": 1}, {"email_verified": False}, {}])
def test_an_address_that_nobody_vouches_for_is_none(said: dict[str, Any]) -> None:
    assert proved(token(email="boss@x.example", **said)).email is None


@pytest.mark.parametrize("email", ["\u212aari@x.example", f"{'a' * 60}@{'x' * 186}.example"])
def test_an_address_that_folds_to_another_is_not_that_one(email: str) -> None:
    assert proved(token(email=email, email_verified=True)).email is None


def test_claims_give_the_first_role_that_fits_to_whom_the_token_is_for() -> None:
    provider = Provider(
        INSTANCE_ID, "staff", ISSUER, "lading", {"tid": "t-1"},
        [RoleRule("realm_access.roles", "boss", Role.ADMIN), RoleRule("groups", "all", Role.VIEWER)], 1, NOW, NOW,
    )  # fmt: skip
    boss = proved(token(tid="t-1", groups=["all"], realm_access={"roles": ["boss"]}))
    other = proved(token(tid="t-2", aud=["x", "lading"], groups="all"))

    assert (claims.is_for(boss, provider), claims.role_of(boss, provider)) == (True, Role.ADMIN)
    assert (claims.is_for(other, provider), claims.role_of(other, provider)) == (False, Role.VIEWER)
    assert claims.role_of(proved(token(groups={"all": 1})), provider) is None
    assert not claims.is_for(proved(token(tid="t-1", aud="lading2")), provider)
