"""`lading completion`: let a shell complete commands, options and names."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from lading.errors import EnvironmentUnfit

_SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS), metavar="bash|zsh|fish")
def command(shell: str) -> None:
    """
    Print what a shell has to read to complete commands, options and names of profiles, sources and exports.

    For good: bash `eval "$(lading completion bash)"` in ~/.bashrc, zsh the same in ~/.zshrc, fish
    `lading completion fish > ~/.config/fish/completions/lading.fish`.

    Example: lading completion bash > /etc/bash_completion.d/lading
    """
    # The root is not imported at the top: it imports every command's module by name, this one too.
    from lading.cli import root

    found = get_completion_class(shell)
    assert found is not None
    try:
        text = found(root, {}, "lading", "_LADING_COMPLETE").source()
    except RuntimeError as error:  # a bash that is too old
        raise EnvironmentUnfit(str(error)) from error
    click.echo(text)
