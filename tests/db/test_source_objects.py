"""A bucket is called where the operator lets it be, and nothing of the machine's own configuration has a say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pytest

from api_server import LOOPBACK
from lading.errors import SourceError, SourceRefused, SourceUnreachable
from lading.sources.connectors import connect
from lading.sources.model import Selection, Source
from lading.sources.outside import Outside
from source_kinds import TENANT, secret

READ = Selection(read={"format": "csv", "files": "*.csv", "columns": {"id": "integer"}})


@pytest.fixture
def source(bucket_server: str, tmp_path: Path) -> Source:
    client: Any = boto3.client(
        "s3", endpoint_url=bucket_server, region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s"
    )
    client.create_bucket(Bucket="judged")
    client.put_object(Bucket="judged", Key="a.csv", Body=b"id\n7\n")
    options = {"bucket": "judged", "endpoint": bucket_server}
    return Source(TENANT, "b", "objects", secret(tmp_path, "key:hunter2"), options=options)


def ids(source: Source, outside: Outside = LOOPBACK) -> list[int]:
    with connect(source, outside=outside).open() as reading:
        return [row["id"] for batch in reading.batches(READ, {}, key=["id"]) for row in batch.to_pylist()]


def to(source: Source, endpoint: str) -> Source:
    return Source(TENANT, "b", "objects", source.credentials_ref, options={**source.options, "endpoint": endpoint})


@pytest.mark.parametrize("way", ["reading", "trial"])
def test_a_bucket_at_an_address_that_is_not_allowed_is_not_called(source: Source, way: str) -> None:  # P14, ADR 11
    connector = connect(source)

    with pytest.raises(SourceRefused, match="a loopback address, and this instance does not connect there"):
        connector.trial() if way == "trial" else ids(source, Outside())


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("169.254.169.254", "the metadata of a machine"), ("10.0.0.1", "a private address"),
        ("93.184.215.14", "without encryption"), ("::ffff:7f00:1", "wraps another"),
    ],
)  # fmt: skip
def test_a_name_is_judged_by_where_it_leads(source: Source, address: str, words: str) -> None:  # P14
    def resolve(_host: str, _port: int) -> list[str]:
        return [address]

    with pytest.raises(SourceRefused, match=words) as error:
        ids(to(source, "http://store.example.org"), Outside(resolve=resolve))

    assert address not in error.value.message


def test_a_name_without_an_address_is_unreachable(source: Source) -> None:
    def resolve(_host: str, _port: int) -> list[str]:
        raise OSError

    with pytest.raises(SourceUnreachable, match="has no address"):
        ids(to(source, "https://store.example.org"), Outside(resolve=resolve))


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:99999", "https://[::1", "http://:80"])
def test_an_endpoint_that_is_no_url_is_refused(source: Source, endpoint: str) -> None:
    with pytest.raises(SourceError):
        ids(to(source, endpoint))


def test_nothing_of_the_machine_has_a_say(source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A profile that is not there is an error of the library; the others send the call elsewhere.
    configured = tmp_path / "config"
    configured.write_text("[default]\nuse_fips_endpoint = true\ns3 =\n  addressing_style = virtual\n")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    monkeypatch.setenv("AWS_DEFAULT_PROFILE", "nobody")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(configured))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(configured))
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)

    assert ids(source) == [7]
