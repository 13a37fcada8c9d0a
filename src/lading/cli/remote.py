"""`lading remote`: configuration of other systems, exported by their own export servers."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from lading.cli import exits, output
from lading.cli.options import into
from lading.cli.remote_line import RemoteLine, printing, remotely, shown

if TYPE_CHECKING:
    from lading.client.dialects.asking import Exported

_KINDS: Final = ("worktype", "workflow", "form", "configuration")
_PROGRESS: Final = {
    "job": "job", "state": "word", "percent": "percent", "now": "steps", "queued": "queued", "error": "error",
}  # fmt: skip
_ENVIRONMENTS: Final = {
    "name": "name", "url": "url", "identity": "identity_url", "client": "client_id", "secret": "secret",
}  # fmt: skip


@click.group()
def command() -> None:
    """
    Export work types, workflows, forms and configuration of a ShareDo server, and compare what came.

    Servers stand in ~/.config/lading/client.toml (or where LADING_CLIENT_CONFIG says) as [remote.NAME] with url,
    identity_url, client_id and secret = "env:VARIABLE", "file:/path" or "keyring:service/account".

    Example: lading remote export worktype matter --environment uat
    """


@command.command()
@click.argument("kind", type=click.Choice(_KINDS), metavar="KIND")
@click.argument("name", metavar="NAME")
@into("Where the file goes (./exports).")
@click.option("--include-dependencies", "with_dependencies", is_flag=True, help="And all that it cannot do without.")
@click.option("--include-history", "with_history", is_flag=True, help="Tell the server so; known ones ignore it.")
@click.option("--format", "form_", type=click.Choice(["zip", "json"]), default="zip", help="As it comes, or as JSON.")
@click.option(
    "--compression", type=click.Choice(["none", "gzip", "brotli"]), default="none", help="How the file is packed."
)
@click.option("--provider", metavar="NAME", help="The server's provider of the thing, if it is not the kind's usual.")
@click.option("--timeout", type=float, metavar="SECONDS", help="How long to wait (120, then once more 240).")
@click.option("--async", "detach", is_flag=True, help="Only ask for it: print the job's id and end.")
@remotely
def export(line: RemoteLine, *, name: str, folder: Path, timeout: float | None, detach: bool, **given: Any) -> int:
    """
    Export the KIND (worktype, workflow, form, configuration) that is called NAME, and check the package.

    The last line on standard output is the path of the file.  Ctrl-C detaches; the job goes on.

    Example: lading remote export worktype matter --environment uat --include-dependencies --format json
    """
    from lading.client.dialects.asking import Wanted

    wanted = Wanted(form=given.pop("form_"), name=name, **given)
    wanted.item()  # what can't be asked for is refused before a secret is looked for
    with line.remote() as remote:
        if detach:
            job = remote.submit(wanted)
            output.document({"job": job}) if line.is_json else click.echo(job)
            return exits.OK
        jobs: list[str] = []
        try:
            with shown(f"{wanted.kind} {output.plain(name)}", jobs.append) as watching:
                exported = remote.export(wanted, folder, timeout=timeout, watching=watching)
        except KeyboardInterrupt:
            for job in jobs:
                output.tell(f"\nDetached; the job goes on. Follow it: lading remote wait {job}{line.option}")
            return exits.INTERRUPTED
    return _told(line, exported)


@command.command()
@click.argument("job", metavar="JOB")
@remotely
def status(line: RemoteLine, job: str) -> None:
    """
    Show how far a job is.

    Example: lading remote status 0f8fad5b-d9cb-469f-a165-70867728950e --environment uat
    """
    with line.remote() as remote:
        progress = remote.progress(job)
    output.facts(line.form, {"job": job, "word": progress.word, **asdict(progress)}, _PROGRESS)


@command.command()
@click.argument("job", metavar="JOB")
@click.option("--timeout", type=float, default=600.0, metavar="SECONDS", help="How long to wait (600).")
@remotely
def wait(line: RemoteLine, *, job: str, timeout: float) -> int:
    """
    Follow a job until its package is there; exit code 20 if it failed, 21 after the timeout.

    Example: lading remote wait 0f8fad5b-d9cb-469f-a165-70867728950e --environment uat
    """
    with line.remote() as remote:
        try:
            with shown(job) as watching:
                progress = remote.wait(job, timeout=timeout, watching=watching)
        except KeyboardInterrupt:
            output.tell(f"\nDetached; the job goes on. Follow it again: lading remote wait {job}{line.option}")
            return exits.INTERRUPTED
    output.facts(line.form, {"job": job, "word": progress.word, **asdict(progress)}, _PROGRESS)
    return exits.OK


@command.command()
@click.argument("job", metavar="JOB")
@into("Where the package goes (./exports).")
@remotely
def download(line: RemoteLine, *, job: str, folder: Path) -> int:
    """
    Download the package of a job that is done, going on where an earlier download broke, and check it.

    Example: lading remote download 0f8fad5b-d9cb-469f-a165-70867728950e --environment uat --output out
    """
    with line.remote() as remote, shown(job) as watching:
        exported = remote.fetched(job, folder / f"export_{job}.zip", watching=watching)
    return _told(line, exported)


@command.command()
@click.argument("job", metavar="JOB")
@remotely
def cancel(line: RemoteLine, *, job: str) -> int:
    """
    Ask the server to stop a job; what it has begun it may finish all the same.

    Example: lading remote cancel 0f8fad5b-d9cb-469f-a165-70867728950e --environment uat
    """
    with line.remote() as remote:
        is_known = remote.cancel(job)
    if line.is_json:
        output.document({"job": job, "is_known": is_known})
    output.tell("The server was asked to stop it." if is_known else f"The server knows no job {output.plain(job)}.")
    return exits.OK if is_known else exits.NOT_FOUND


@command.command()
@printing
def environments(form: str) -> None:
    """
    List the servers that the configuration file names; of their secrets, where they are.

    Example: lading remote environments
    """
    from lading.client.dialects import environments as known

    found = list(known.load().values())
    if not found and form != "json":
        output.tell(f"There are none; add one as [remote.NAME] to {known.place()}.")
        return
    output.rows(form, _ENVIRONMENTS, found)


@command.command()
@click.argument("kind", type=click.Choice(_KINDS), metavar="KIND")
@click.argument("name", metavar="NAME")
@click.option("--with", "other", required=True, metavar="NAME", help="The environment to compare with.")
@into("Where both packages go (./exports), each below a folder named after its environment.")
@click.option("--include-dependencies", "with_dependencies", is_flag=True, help="And all that it cannot do without.")
@click.option("--fail-if-different", is_flag=True, help="End with exit code 14 if anything differs.")
@remotely
def compare(line: RemoteLine, *, other: str, folder: Path, fail_if_different: bool, **given: Any) -> int:
    """
    Export the same thing from two environments, and show what differs.

    What every export makes anew (CreatedOn, Id, StorageFilename) is ignored.  Packages that are on this disk already
    are compared by `lading packages compare`.

    Example: lading remote compare worktype matter --environment uat --with production
    """
    from lading.cli import packages
    from lading.client.dialects.asking import Wanted

    wanted, paths = Wanted(**given), list[Path]()
    for each in (line, RemoteLine(other, line.form)):
        environment = each.environment().name
        with each.remote() as remote, shown(f"{environment} {output.plain(wanted.name)}") as watching:
            exported = remote.export(wanted, folder / environment, watching=watching)
        if exported.way != "job":
            raise exported.causes[0]
        paths.append(exported.path)
    context = click.get_current_context()
    options = {"fail_if_different": fail_if_different, "as_json": line.is_json}
    return context.invoke(packages.compare, before=paths[0], after=paths[1], **options)


def _told(line: RemoteLine, exported: Exported) -> int:
    """Print what came; the last line is the path."""
    for cause in exported.causes:
        output.tell(f"{cause} It was asked for by the other route instead.")
    if line.is_json:
        facts = {**asdict(exported), "path": str(exported.path), "causes": [str(each) for each in exported.causes]}
        output.document(facts)
        return exits.OK
    if exported.steps is not None:
        lacking = f", {exported.unresolved} that are needed are not in it" if exported.unresolved else ""
        output.tell(f"{exported.steps} thing{'s' * (exported.steps != 1)}{lacking}.")
    click.echo(str(exported.path))
    return exits.OK
