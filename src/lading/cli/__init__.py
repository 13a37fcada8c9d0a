"""
The command line: `main` runs it; every command lives in a module of its own that is imported when it is used.

A module holds one click command named `command`.  What goes wrong ends here as one sentence on standard error and the
exit code of `cli.exits`.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

import click

from lading.cli import exits, manner
from lading.cli.lazy import LazyGroup
from lading.errors import LadingError

_COMMANDS = {
    "demo": ("lading.cli.demo", "Produce one example report, from nothing to a checked package."),
    "up": ("lading.cli.up", "Run database, API and workers on this machine."),
    "exports": ("lading.cli.exports", "Ask for exports, follow, fetch and manage them."),
    "remote": ("lading.cli.remote", "Export configuration of ShareDo servers, and compare it."),
    "events": ("lading.cli.events", "See what happens, as it happens."),
    "webhooks": ("lading.cli.webhooks", "Let other systems be called when something happens."),
    "artifacts": ("lading.cli.artifacts", "See stored files by their digests, check and collect them."),
    "packages": ("lading.cli.packages", "Check, look into, lay out and compare packages, offline."),
    "verify": ("lading.cli.verify", "Check a package or an audit bundle offline."),
    "replay": ("lading.cli.replay", "Rebuild every state from the history in an audit bundle, offline."),
    "bundle": ("lading.cli.bundle", "Take a span of the ledger out as one signed file that proves itself."),
    "ledger": ("lading.cli.ledger", "Read and check the ledger of a tenant."),
    "audit": ("lading.cli.audit", "Watch a ledger from outside."),
    "profiles": ("lading.cli.profiles", "Write, try, store and activate profiles."),
    "policies": ("lading.cli.policies", "Write, try, store and activate what may be exported."),
    "sources": ("lading.cli.sources", "Register, change, test and delete the sources of rows."),
    "destinations": ("lading.cli.destinations", "Register, change, test and delete where packages are delivered."),
    "links": ("lading.cli.links", "Make links to files for who has no key, and take them back."),
    "holds": ("lading.cli.holds", "Keep exports from being removed, and let them go."),
    "retention": ("lading.cli.retention", "Say how long the files of exports are kept."),
    "tenants": ("lading.cli.tenants", "Add, rename, suspend and reactivate tenants."),
    "keys": ("lading.cli.keys", "Mint, list, rotate and revoke the API keys of a tenant."),
    "members": ("lading.cli.members", "Invite, list, change and remove the people of a tenant."),
    "identity-providers": ("lading.cli.identity_providers", "Say whose signed tokens let people in, and as what."),
    "whoami": ("lading.cli.whoami", "Say whose token this is, and what it may."),
    "jobs": ("lading.cli.jobs", "See, make, cancel, retry and replay jobs, one by one or many at once."),
    "runs": ("lading.cli.runs", "Run graphs of jobs: make, follow, draw, stop and replay them."),
    "schedules": ("lading.cli.schedules", "Write, preview, pause and run what is made by the clock."),
    "deadletters": ("lading.cli.deadletters", "See, requeue and close jobs that nobody tries again."),
    "throttles": ("lading.cli.throttles", "See what is held back; limit how fast jobs start on a source."),
    "quotas": ("lading.cli.quotas", "Limit how many jobs of a kind run at once and start per hour."),
    "retries": ("lading.cli.retries", "Set how failures are tried again, by class of fault."),
    "allocations": ("lading.cli.allocations", "Share the installation out among tenants."),
    "throttle": ("lading.cli.throttle", "Slow down a tenant, a source, a kind of job or one job."),
    "pause": ("lading.cli.pause", "Stop a tenant, a source, a kind of job or one job."),
    "resume": ("lading.cli.resume", "Let go on what was paused."),
    "pauses": ("lading.cli.pauses", "List what is paused."),
    "privacy": ("lading.cli.privacy", "Read and erase the words that ledger entries commit to."),
    "signing-keys": ("lading.cli.signing_keys", "See, rotate, revoke and export what this installation signs with."),
    "cache": ("lading.cli.cache", "See and drop derived answers that were kept on this disk."),
    "config": ("lading.cli.config", "See the settings in force and where each comes from."),
    "migrate": ("lading.cli.migrate", "Bring the database to the schema of this Lading."),
    "doctor": ("lading.cli.doctor", "Say what is wrong with this installation, and the mend."),
    "server": ("lading.cli.server", "Run one API process."),
    "worker": ("lading.cli.worker", "Run one worker process."),
    "completion": ("lading.cli.completion", "Let a shell complete commands, options and names."),
    "version": ("lading.cli.version", "Show the version."),
}


@click.group(
    cls=LazyGroup,
    modules=_COMMANDS,
    epilog=exits.EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="lading", message="lading %(version)s")
@manner.options
def root() -> None:
    """
    Lading runs exports as durable, auditable jobs and hands out packages that anybody can verify.

    Commands that talk to a server find it by --url or LADING_URL (http://127.0.0.1:8080), the token by LADING_TOKEN or
    --token-file, the tenant to act for by --tenant or LADING_TENANT.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit."""
    code = run(list(sys.argv[1:] if arguments is None else arguments))
    try:
        sys.stdout.flush()
    except OSError:
        _close_stdout()
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; what it has to say of a failure is on standard error."""
    with manner.one_invocation():
        return _run(arguments)


def _run(arguments: list[str]) -> int:
    try:
        ended = root.main(args=arguments, prog_name="lading", standalone_mode=False)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        error.show()
        return exits.USAGE
    except (KeyboardInterrupt, click.Abort):
        click.echo("\nInterrupted.", err=True)
        return exits.INTERRUPTED
    except BrokenPipeError:
        _close_stdout()
        return exits.UNEXPECTED
    except LadingError as error:
        exits.say(error)
        return exits.of(error)
    except Exception as error:  # noqa: BLE001 - the last place that can turn a surprise into a sentence
        exits.say_unexpected(error)
        return exits.UNEXPECTED
    return ended if isinstance(ended, int) else exits.OK


def _close_stdout() -> None:
    # Whoever read it has gone; Python would complain about that at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def interrupt_on_terminate() -> None:
    """Let SIGTERM end a command the way Ctrl-C does: what is half-written is cleaned up or kept to be resumed."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
