"""Every error has one documented exit code and is said in one sentence, never as a trace."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lading import cli, errors
from lading.cli import exits
from lading.errors import InvalidInput, LadingError

DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "exit-codes.md"
EXPECTED = {
    "internal-error": 1, "invalid-input": 2, "profile-invalid": 2, "too-large": 2, "unauthenticated": 4,
    "forbidden": 4, "not-found": 5, "conflict": 6, "invalid-transition": 6, "stale-lease": 6,
    "server-unreachable": 8, "package-invalid": 9, "download-failed": 9, "environment-unfit": 11,
    "port-in-use": 11, "data-directory-unusable": 11, "database-unavailable": 11, "database-too-new": 11,
    "storage-failed": 11, "storage-full": 11, "source-failed": 11, "source-unreachable": 11,
    "source-timeout": 11, "source-refused": 11, "export-failed": 20, "no-data": 20, "too-many-bad-rows": 20,
    "export-ended-badly": 20, "wait-timeout": 21,
}  # fmt: skip


def _tree(kind: type[LadingError]) -> Iterator[type[LadingError]]:
    yield kind
    for each in kind.__subclasses__():
        if each.__module__ == errors.__name__:
            yield from _tree(each)


def test_every_error_has_the_code_that_was_promised() -> None:
    found = {kind.code: exits.of(kind("x")) for kind in _tree(LadingError)}

    assert {code: found.get(code) for code in EXPECTED} == EXPECTED
    assert set(found.values()) <= set(exits.MEANINGS)


def test_the_reference_lists_exactly_the_codes_and_meanings_of_the_program() -> None:
    rows = re.findall(r"^\| (\d+) \| (.*?) \|", DOCUMENT.read_text("utf-8"), re.MULTILINE)

    assert {int(code): meaning for code, meaning in rows} == exits.MEANINGS


def test_an_expected_error_is_one_sentence_and_its_code(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LADING_URL", "http://user:secret@example.org")

    code = cli.run(["exports", "get", "exp_1"])

    said = capsys.readouterr()
    assert (code, said.out) == (2, "")
    assert said.err == "error: url: holds a login; put the token into LADING_TOKEN instead.\n"


def test_several_faulty_fields_are_each_named(capsys: pytest.CaptureFixture[str]) -> None:
    fields = (errors.FieldError("/period/from", "is no date"), errors.FieldError("/format", "is unknown"))

    exits.say(InvalidInput("The request is wrong.", fields))

    assert capsys.readouterr().err == "error: The request is wrong.\n  period/from: is no date\n  format: is unknown\n"


def test_a_surprise_is_a_sentence_too(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LADING_DEBUG", raising=False)

    exits.say_unexpected(ZeroDivisionError("division by zero\nsecond line"))

    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "Unexpected ZeroDivisionError: division by zero." in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["exprts"], "Did you mean 'exports'?"),
        (["exports", "rn"], "Did you mean 'run'?"),
        (["exports", "run"], "Missing argument 'PROFILE'"),
        (["exports", "run", "bufdir"], "Missing option '--period'"),
        (["exports", "run", "bufdir", "--period", "2025-13"], "'2025-13' is not a period; write 2025"),
        (["exports", "run", "bufdir", "--period", "x..y"], "is not a period; write 2025"),
        (["exports", "run", "bufdir", "--period", "2025", "--parameter", "x"], "write NAME=VALUE"),
        (["exports", "list", "--status", "odd"], "'odd' is not one of"),
        (["exports", "delete", "exp_1"], "say --yes"),
        (["verify", "no-such-file.zip"], "does not exist"),
        (["profiles", "apply", "no-such-file.yaml"], "does not exist"),
        (["exports", "get", "exp_1", "--token-file", "no-such-file"], "can't be read"),
    ],
)
def test_wrong_usage_is_refused_before_anything_is_sent(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LADING_URL", "http://127.0.0.1:9")

    assert cli.run(arguments) == exits.USAGE
    assert said in capsys.readouterr().err
