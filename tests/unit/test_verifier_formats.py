"""The verifier's formats: each is read back only as it was written, and no bit of one is free."""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from lading import canonical
from lading.ledger import heads, proofs
from lading.ledger.merkle import Frontier
from lading.ledger.trust import PublicKey
from lading_verify import dsse, encoding, layout, merkle, minisign, notes, sshsig
from lading_verify import zip as container
from lading_verify.errors import Refused

_SECRET = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
_PUBLIC = _SECRET.public_key().public_bytes_raw()
_MESSAGE = b"what is signed\n"
_HEAD = notes.Head("ledger.example.org/t/acme", 3, bytes(range(32)))
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 53) + 1, (1 << 53) - 1) | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="ascii")), inner, max_size=4)
    ),
    max_leaves=12,
)


def _zip(files: dict[str, bytes]) -> bytes:
    sink = io.BytesIO()
    writer = container.Writer(sink)
    for name, data in files.items():
        writer.add(name, [data], size=len(data), crc=zlib.crc32(data))
    writer.close()
    return sink.getvalue()


def _read(data: bytes) -> dict[str, bytes]:
    file = io.BytesIO(data)
    return {name: b"".join(container.chunks(file, member)) for name, member in container.read(file).items()}


_FILES = {"a/1": b"one", "a/2": b"", "b": b"three" * 100}
_FORMS: dict[str, tuple[bytes, Callable[[bytes], object]]] = {
    "dsse": (
        dsse.seal([("a", "0" * 64)], {"b": 1}, kind="https://example.org/v1", public=_PUBLIC, sign=_SECRET.sign),
        dsse.unseal,
    ),
    "sshsig": (
        sshsig.sign(_MESSAGE, public=_PUBLIC, sign=_SECRET.sign),
        lambda data: sshsig.verify(_MESSAGE, data),
    ),
    "minisign": (
        minisign.sign(_MESSAGE, comment="acme@0-3", public=_PUBLIC, sign=_SECRET.sign),
        lambda data: minisign.verify(_MESSAGE, data, public=_PUBLIC),
    ),
    "zip": (_zip(_FILES), _read),
}


@given(_JSON)
def test_the_canonical_form_is_the_one_of_the_server(value: object) -> None:
    written = encoding.encode(value)

    assert written == canonical.encode(value)
    assert encoding.decode(written) == value


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":1.5}', b'{"a":1e3}', b'{"a":NaN}', b'{"a": 1}', b'{"b":1,"a":1}', b'{"a":1,"a":1}', b'{"\xc3\xa6":1}',
        b'{"a":"\\u0061"}', b'{"a":9007199254740992}', b'{"a":-9007199254740992}', b'{"a":"\\ud800"}', b'"\xff"',
        b"[" * 40 + b"]" * 40, b"[" * 100_000, b"", b"{}\n", b"1" * 5000, b"-0", b"01",
    ],
)  # fmt: skip
def test_what_is_not_the_canonical_form_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError):
        encoding.decode(text)


@pytest.mark.parametrize("name", _FORMS)
def test_no_bit_of_a_form_can_be_changed_and_no_end_be_cut_off(name: str) -> None:
    data, read = _FORMS[name]
    read(data)

    for bit in range(8 * len(data)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises((ValueError, Refused)):
            read(bytes(changed))
    for length in range(len(data)):
        with pytest.raises((ValueError, Refused)):
            read(data[:length])
    for more in (data + b"\n", b"\n" + data, data + data):
        with pytest.raises((ValueError, Refused)):
            read(more)


def test_the_statement_says_what_was_sealed() -> None:
    statement = dsse.unseal(_FORMS["dsse"][0])

    assert statement.subjects == (("a", "0" * 64),)
    assert statement.predicate["b"] == 1
    assert statement.public == _PUBLIC


def test_the_zip_holds_what_was_put_in() -> None:
    assert _read(_FORMS["zip"][0]) == _FILES


@pytest.mark.parametrize("files", [["b", "a"], ["a", "a"], ["æ"], [""], ["x" * 300]])
def test_names_that_no_bundle_has_are_not_written(files: list[str]) -> None:
    writer = container.Writer(io.BytesIO())

    with pytest.raises(ValueError):
        for name in files:
            writer.add(name, [], size=0, crc=0)


def test_a_file_that_changed_while_it_was_packed_is_refused() -> None:
    with pytest.raises(ValueError, match="changed"):
        container.Writer(io.BytesIO()).add("a", [b"12"], size=1, crc=0)


def test_large_files_have_headers_of_zip64() -> None:
    member = container.Member("data/history.jsonl", 5 << 30, 7, 6 << 30)

    line = container.central_header(member)
    assert line[-24:] == b"".join(number.to_bytes(8, "little") for number in (5 << 30, 5 << 30, 6 << 30))
    assert container.local_header("a", size=5 << 30, crc=7)[4:6] == (45).to_bytes(2, "little")


def test_a_note_is_the_one_of_the_server() -> None:
    class Signer:
        public = PublicKey("log", _PUBLIC)

        def sign(self, message: bytes) -> bytes:
            return _SECRET.sign(message)

        def signers(self) -> tuple[Signer]:
            return (self,)

    note = notes.sign(_HEAD, public=_PUBLIC, sign=_SECRET.sign)

    assert note == heads.sign(_HEAD.origin, _HEAD.size, _HEAD.root, Signer())
    assert notes.read(note.encode()).head == _HEAD
    assert notes.read(note.encode()).signer([bytes(32), _PUBLIC]) == _PUBLIC
    assert notes.verifier_key(_HEAD.origin, _PUBLIC) == heads.verifier_key(_HEAD.origin, Signer.public)


def test_a_note_of_an_unknown_key_has_no_signer_and_a_foreign_signature_does_no_harm() -> None:
    note = notes.sign(_HEAD, public=_PUBLIC, sign=_SECRET.sign)
    other = Ed25519PrivateKey.generate()
    key = other.public_key().public_bytes_raw()
    stamp = (1_800_000_000).to_bytes(8, "big")
    cosigned = other.sign(b"cosignature/v1\ntime 1800000000\n" + _HEAD.text.encode())
    blob = notes.key_hash("witness", key, notes.COSIGNATURE) + stamp + cosigned
    both = notes.read(f"{note}— witness {encoding.to_base64(blob)}\n".encode())

    assert both.signer([_PUBLIC]) == _PUBLIC
    assert both.signer([key]) is None
    assert both.cosigned_at("witness", key) == 1_800_000_000
    assert both.cosigned_at("witness", _PUBLIC) is None
    shown = notes.verifier_key("witness", key, notes.COSIGNATURE)
    assert notes.read_verifier_key(shown, notes.COSIGNATURE) == ("witness", key)


@given(st.lists(st.binary(max_size=8), max_size=40), st.data())
def test_trees_and_paths_are_those_of_the_server(lines: list[bytes], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(lines)))
    before = Frontier().extended(lines[:start])
    tree = merkle.Tree(start, before.hashes)
    tree.extend(lines[start:])
    prover = proofs.Prover(range(len(lines)))
    prover.add(map(merkle.leaf_hash, lines))
    root, paths = prover.finish()

    assert tree.root() == root
    for index, line in enumerate(lines):
        leaf = merkle.leaf_hash(line)
        assert merkle.root_of_path(leaf, index, len(lines), paths[index]) == root


def test_a_proof_is_read_as_it_was_written() -> None:
    note = notes.sign(_HEAD, public=_PUBLIC, sign=_SECRET.sign).encode()
    written = notes.write_proof(2, [bytes(32), bytes(range(32))], note)
    proof = notes.read_proof(written)

    assert (proof.index, proof.path, proof.note.head) == (2, (bytes(32), bytes(range(32))), _HEAD)
    assert notes.write_proof(proof.index, proof.path, note) == written


def test_the_manifest_is_read_as_it_was_written() -> None:
    counts = dict.fromkeys(layout.COUNTS, 2)
    whole = layout.Manifest("a/t/b", "ten_1", 3, 5, bytes(32), counts)
    partial = layout.Manifest("a/t/b", "ten_1", 3, 5, bytes(32), counts, {"subjects": ["exp_1"]})

    assert layout.decode(whole.encode()) == whole
    assert layout.decode(partial.encode()) == partial
    assert (whole.is_complete, partial.is_complete) == (True, False)


@pytest.mark.parametrize(
    "change",
    [
        {"format": "lading-bundle/2"}, {"complete": False}, {"range": {"start": 6, "end": 5}}, {"range": [1, 2]},
        {"root": "AA=="}, {"origin": "a b"}, {"counts": {}}, {"more": 1}, {"tenant": 3}, {"filter": {}},
    ],
)  # fmt: skip
def test_a_manifest_that_says_something_else_is_refused(change: dict[str, object]) -> None:
    whole = layout.Manifest("a/t/b", "ten_1", 3, 5, bytes(32), dict.fromkeys(layout.COUNTS, 2))
    document = json.loads(whole.encode()) | change

    with pytest.raises(ValueError):
        layout.decode(encoding.encode(document))


def test_checksums_are_read_as_they_were_written_and_not_otherwise() -> None:
    sums = {"data/a": "0" * 64, "data/b": "1" * 64}
    written = layout.checksums(sums.items())

    assert layout.read_checksums(written) == sums
    for other in (written[:-1], written + written, written.replace(b"  ", b" *"), b"".join(reversed(written.split()))):
        with pytest.raises(ValueError):
            layout.read_checksums(other)
