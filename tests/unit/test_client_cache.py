"""Nothing comes from a cache unless it was asked for, and nothing that was made from what has changed (C11)."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading import cli
from lading.client.cache import Cache, Request, dependents, key_of
from lading.client.sync.client import Client
from lading.client.target import Target
from lading.errors import InvalidInput, StorageFailed
from lading.wire.profiles import Diff, Preview, PreviewRequest, Profile

SECRET = "lading_planted_secret_token"
TARGET = Target("http://lading.test", SECRET, "nordlys")
NAMES = st.sampled_from("abcdefgh")
GRAPHS = st.dictionaries(NAMES, st.frozensets(NAMES, max_size=4), max_size=8)
SOURCE = {
    "name": "activities", "kind": "sqlite", "credentials_ref": None, "attachments_ref": None, "timeout_seconds": 90,
    "options": {}, "version": 1,
}  # fmt: skip
PREVIEW = PreviewRequest({"from": "2025-01-01", "to": "2025-01-31"})


@dataclass
class Clock:
    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Server:
    """Answers what a profile and its source need, and counts what it is asked."""

    asked: list[str] = field(default_factory=list)
    version: int = 1
    secrets: list[str] = field(default_factory=list)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path.removeprefix("/api/v1/")
        self.asked.append(f"{request.method} {path}")
        match request.method, path:
            case "GET", "sources/activities":
                tag = f'"v{self.version}"'
                if request.headers.get("If-None-Match") == tag:
                    return httpx2.Response(304, headers={"ETag": tag})
                return httpx2.Response(200, json=SOURCE | {"version": self.version}, headers={"ETag": tag})
            case "PATCH", "sources/activities":
                self.version += 1
                return httpx2.Response(200, json=SOURCE | {"version": self.version})
            case "GET", "profiles/bufdir":
                return httpx2.Response(200, json=self._profile())
            case "PUT", "profiles/bufdir":
                return httpx2.Response(200, json=self._profile())
            case "PUT", _:
                return httpx2.Response(422, json={"code": "invalid-input", "detail": "no", "status": 422})
            case "POST", "profiles/bufdir/preview":
                return httpx2.Response(200, json=_shape(Preview) | {"columns": [str(self.version)]})
            case _:
                return httpx2.Response(200, json=DIFF)

    def _profile(self) -> dict[str, Any]:
        return _shape(Profile) | {"name": "bufdir", "document": {"source": {"name": "activities"}}}


def _shape(kind: type) -> dict[str, Any]:
    """Return a JSON value for each field of a wire shape, good enough to be read."""
    plain = {"str": "x", "int": 1, "bool": False, "float": 1.0}
    found: dict[str, Any] = {}
    for each in fields(kind):
        if each.default is MISSING and each.default_factory is MISSING:
            text = str(each.type)
            found[each.name] = None if "None" in text else plain.get(text, {} if "dict" in text else [])
    return found


DIFF = _shape(Diff)


@given(GRAPHS, st.sets(NAMES, max_size=3))
def test_what_is_made_from_it_at_any_remove_goes_and_circles_end(
    needs: dict[str, frozenset[str]], changed: set[str]
) -> None:
    # The rule said another way: add whatever needs something that is gone, until nothing is added.
    expected: set[str] = set()
    while True:
        more = {name for name, each in needs.items() if each & (expected | changed)} - expected
        if not more:
            break
        expected |= more

    assert dependents(needs, changed) == expected


@given(GRAPHS, st.lists(NAMES, min_size=1, max_size=3))
def test_the_files_follow_the_same_rule(
    tmp_path_factory: Any, needs: dict[str, frozenset[str]], changed: list[str]
) -> None:
    cache = Cache(tmp_path_factory.mktemp("cache") / "answers")
    for name, each in needs.items():
        cache.store(TARGET, _request(name, *each), name)

    cache.changed(TARGET, changed)

    gone = set(changed) | dependents(needs, changed)
    assert {name for name, each in needs.items() if cache.find(TARGET, _request(name, *each))} == set(needs) - gone


def _request(name: str, *needs: str, **more: Any) -> Request:
    return Request(name, "GET", f"/api/v1/{name}", needs=needs, **more)


def test_a_change_tells_nothing_of_another_tenant_or_server(tmp_path: Path) -> None:
    cache, other = Cache(tmp_path / "c"), replace(TARGET, tenant="fjord")
    elsewhere, colleague = replace(TARGET, url="http://other.test"), replace(TARGET, token="another")
    for target in (TARGET, other, elsewhere, colleague):
        cache.store(target, _request("b", "a"), target.tenant)

    assert cache.changed(TARGET, ["a"]) == 2  # whoever asked for it there

    assert cache.find(other, _request("b", "a")) is not None
    assert cache.find(elsewhere, _request("b", "a")) is not None
    assert cache.find(colleague, _request("b", "a")) is None


@pytest.mark.parametrize(
    "differs",
    [
        lambda target, request: (replace(target, token="x"), request),
        lambda target, request: (replace(target, tenant=None), request),
        lambda target, request: (replace(target, url="http://b.test"), request),
        lambda target, request: (target, replace(request, query={"revision": 2})),
        lambda target, request: (target, replace(request, body={"rows": 2})),
        lambda target, request: (target, replace(request, method="POST")),
        lambda target, request: (target, replace(request, path="/api/v1/x")),
    ],
)
def test_what_differs_in_anything_is_another_answer(
    differs: Callable[[Target, Request], tuple[Target, Request]], tmp_path: Path
) -> None:
    cache, request = Cache(tmp_path / "c"), _request("a", query={"revision": 1}, body={"rows": 1})
    cache.store(TARGET, request, "one")

    assert cache.find(*differs(TARGET, request)) is None
    assert key_of(*differs(TARGET, request)) != key_of(TARGET, request)


def test_age_bytes_and_number_are_bounded(tmp_path: Path) -> None:
    clock = Clock()
    cache = Cache(tmp_path / "c", most_age_seconds=100, most_bytes=4000, most_entries=5, clock=clock)
    for index in range(20):
        clock.now += 1
        cache.store(TARGET, _request(f"n{index}"), "x" * 100)
    assert sorted(each.name for each in cache.entries()) == ["n15", "n16", "n17", "n18", "n19"]

    cache.store(TARGET, _request("big"), "x" * 3000)
    assert sum(each.size for each in cache.entries()) <= 4000
    cache.store(TARGET, _request("huge"), "x" * 5000)
    assert cache.find(TARGET, _request("huge")) is None
    clock.now += 101
    assert cache.find(TARGET, _request("big")) is None
    cache.store(TARGET, _request("late"), 1)
    assert [each.name for each in cache.entries()] == ["late"]
    clock.now -= 1000  # stored in what is now the future
    assert cache.find(TARGET, _request("late")) is None


def test_files_are_their_owners_and_hold_no_secret(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "above" / "c")
    cache.store(TARGET, _request("a"), {"rows": 1})

    assert stat.S_IMODE(cache.folder.stat().st_mode) == 0o700
    for path in cache.folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert SECRET not in path.read_text("utf-8") + path.name


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "mine.answer").write_text("x", "utf-8")
    cache = Cache(tmp_path / "c")

    with pytest.raises(StorageFailed, match="something else"):
        cache.store(TARGET, _request("a"), 1)
    assert cache.clear() == 0
    assert [*cache.entries()] == []
    assert (tmp_path / "c" / "mine.answer").exists()


@pytest.mark.parametrize("damage", [b"", b"{}\n{}", b"\xff", b"[]\n1", b'{"key": 1}\n', b"[" * 100_000])
def test_what_can_not_be_read_is_as_if_it_were_not_there(damage: bytes, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "c")
    cache.store(TARGET, _request("a"), 1)
    path = cache.folder / f"{key_of(TARGET, _request('a'))}.answer"
    path.write_bytes(damage)

    assert cache.find(TARGET, _request("a")) is None
    assert [*cache.entries()] == []
    cache.store(TARGET, _request("a"), 2)
    found = cache.find(TARGET, _request("a"))
    assert found is not None
    assert found[1] == 2


def test_an_answer_under_the_name_of_another_or_behind_a_link_is_none(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "c")
    cache.store(TARGET, _request("a"), 1)
    cache.store(TARGET, _request("b"), 2)
    first, second = (cache.folder / f"{key_of(TARGET, _request(name))}.answer" for name in "ab")

    second.write_bytes(first.read_bytes())
    assert cache.find(TARGET, _request("b")) is None
    second.unlink(missing_ok=True)
    second.symlink_to(first)
    assert cache.find(TARGET, _request("b")) is None


def _client(server: Server, cache: Cache | None) -> Client:
    return Client("http://lading.test", token=SECRET, transport=httpx2.MockTransport(server), cache=cache)


def test_without_a_cache_the_server_is_asked_every_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    server = Server()
    with _client(server, None) as client:
        for _ in range(2):
            client.profiles.preview("bufdir", PREVIEW)

    assert server.asked == ["POST profiles/bufdir/preview"] * 2
    assert [*tmp_path.iterdir()] == []


def test_a_preview_comes_from_the_cache_until_its_source_or_profile_is_changed(tmp_path: Path) -> None:
    server = Server()
    with _client(server, Cache(tmp_path / "c")) as client:
        first = client.profiles.preview("bufdir", PREVIEW)
        assert client.profiles.preview("bufdir", PREVIEW) == first
        assert server.asked == ["GET profiles/bufdir", "POST profiles/bufdir/preview"]

        client.sources.patch("activities", {"timeout_seconds": 9}, version=1)
        again = client.profiles.preview("bufdir", PREVIEW)
        assert (first.columns, again.columns) == (["1"], ["2"])

        server.asked.clear()
        client.profiles.apply("bufdir", {})
        client.profiles.preview("bufdir", PREVIEW)
        assert server.asked == ["PUT profiles/bufdir", "GET profiles/bufdir", "POST profiles/bufdir/preview"]


def test_another_process_finds_it(tmp_path: Path) -> None:
    server = Server()
    for _ in range(2):
        with _client(server, Cache(tmp_path / "c")) as client:
            client.profiles.diff("bufdir", before=1, after=2)

    assert server.asked == ["POST profiles/bufdir/diff"]


def test_what_has_an_etag_is_served_only_when_the_server_says_that_it_holds(tmp_path: Path) -> None:
    server = Server()
    with _client(server, Cache(tmp_path / "c")) as client:
        client.profiles.preview("bufdir", PREVIEW)
        assert client.sources.get("activities").version == 1
        assert client.sources.get("activities").version == 1
        assert server.asked.count("GET sources/activities") == 2

        server.version = 2  # somebody else changed it
        assert client.sources.get("activities").version == 2

        server.asked.clear()
        client.profiles.preview("bufdir", PREVIEW)
        assert server.asked == ["GET profiles/bufdir", "POST profiles/bufdir/preview"]


def test_a_change_that_failed_drops_too(tmp_path: Path) -> None:
    # Whether it was made is not known of every failure.
    server = Server()
    cache = Cache(tmp_path / "c")
    cache.store(Target("http://lading.test", SECRET), _request("b", "schedules/x"), 1)
    with _client(server, cache) as client, pytest.raises(InvalidInput):
        client.schedules.put("x", {})

    assert [*cache.entries()] == []


def test_an_answer_that_can_not_be_kept_is_still_given(tmp_path: Path) -> None:
    (tmp_path / "c").write_text("a file", "utf-8")
    server = Server()
    with _client(server, Cache(tmp_path / "c")) as client:
        assert client.profiles.preview("bufdir", PREVIEW).columns == ["1"]


def test_people_see_and_drop_what_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    Cache().store(TARGET, _request("profiles/bufdir/preview", "profiles/bufdir"), {"personal": "row"})

    assert cli.run(["cache", "show", "--output-format", "json"]) == 0
    (shown,) = json.loads(capsys.readouterr().out)
    assert (shown["name"], shown["needs"]) == ("profiles/bufdir/preview", ["profiles/bufdir"])
    assert cli.run(["cache", "clear"]) == 0
    assert "1 answers are dropped" in capsys.readouterr().err
    assert [*Cache().entries()] == []
