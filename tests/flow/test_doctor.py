"""`lading doctor` looks at everything Lading needs and says the mend."""  # U4

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest


def states(output: str) -> dict[str, str]:
    """Return the state of each finding."""
    lines = [line for line in output.splitlines() if line.startswith(("ok ", "warn ", "fail "))]
    return {line[6:].split(":")[0]: line.split()[0] for line in lines}


def test_a_running_lading_is_well(up, lading) -> None:
    tree = up()

    done = lading("doctor", data_dir=tree.data_dir)

    assert set(states(done.stdout).values()) == {"ok"}, done.stdout
    assert set(states(done.stdout)) == {
        "data directory",
        "connections",
        "disk",
        "signing keys",
        "database",
        "migrations",
        "clock",
        "wake-ups",
        "workers",
        "jobs",
        "stored files",
        "ledger",
        "API server",
    }
    assert done.returncode == 0


def test_a_machine_without_lading_is_told_how_to_start_one_and_nothing_is_made(lading, tmp_path: Path) -> None:
    done = lading("doctor", data_dir=tmp_path / "data")

    assert done.returncode == 0, done.stderr
    assert states(done.stdout)["database"] == "warn"
    assert "Start `lading up`" in done.stdout
    assert not (tmp_path / "data").exists()


def test_keys_that_others_can_read_are_a_failure_with_the_command_that_mends_it(lading, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.mkdir(mode=0o700)
    (keys / "log.key").write_text("")
    (keys / "log.key").chmod(0o644)

    done = lading("doctor", data_dir=tmp_path)

    assert done.returncode == 11
    assert states(done.stdout)["signing keys"] == "fail"
    assert f"chmod go= {keys / 'log.key'}" in done.stdout
    assert "signing keys" in done.stderr


def test_a_database_that_is_down_or_not_migrated_is_a_failure(lading, server, tmp_path: Path) -> None:
    down = lading("doctor", data_dir=tmp_path, LADING_DATABASE_URL="postgresql://lading:geheim@127.0.0.1:1/lading")
    empty = lading("doctor", data_dir=tmp_path, LADING_DATABASE_URL=server.url("postgres"))

    assert (down.returncode, states(down.stdout)["database"]) == (11, "fail")
    assert "geheim" not in down.stdout + down.stderr
    assert (empty.returncode, states(empty.stdout)["migrations"]) == (11, "fail")


@pytest.mark.parametrize(
    ("change", "name", "said"),
    [
        ("UPDATE jobs SET deadline_seconds = 60", "jobs", "1 running, 1 beyond their deadline"),
        ("UPDATE jobs SET rev = rev", "jobs", "1 of them without progress for 10 minutes"),
        ("UPDATE jobs SET progress_at = now()", "jobs", ""),
        (
            "UPDATE leases SET state = 'expired' WHERE worker = 'lost'",
            "workers",
            "1 alive, 1 lost within the last hour",
        ),
    ],
)
def test_what_stands_still_runs_too_long_or_was_lost_is_a_warning(  # O3
    lading, database_url: str, tmp_path: Path, change: str, name: str, said: str
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO leases (id, worker, lease_until) SELECT gen_random_uuid(), name, now() + interval '1 minute' "
            "FROM unnest(ARRAY['alive', 'lost']) AS name"
        )
        connection.execute("INSERT INTO tenants (tenant_id, slug, name) VALUES (gen_random_uuid(), 'acme', 'Acme')")
        connection.execute(
            "INSERT INTO jobs (tenant_id, id, kind, state, max_attempts, max_crashes, lease_id, started_at) "
            "SELECT tenant_id, gen_random_uuid(), 'work', 'running', 8, 3, leases.id, now() - interval '20 minutes' "
            "FROM tenants, leases WHERE slug = 'acme' AND worker = 'alive'"
        )
        connection.execute(change)  # pyright: ignore[reportArgumentType, reportCallIssue]

    done = lading("doctor", data_dir=tmp_path, LADING_DATABASE_URL=database_url)

    assert states(done.stdout)[name] == ("warn" if said else "ok")
    assert said in done.stdout
