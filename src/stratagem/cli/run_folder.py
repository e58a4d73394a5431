"""The folder of a run, which one command at a time writes to."""

from pathlib import Path

import click

from stratagem.cli.values import RUNS


def own_run(name: str) -> Path:
    """The folder runs/NAME, this process's alone until its command ends. Raises ClickException as `own_folder` does."""
    return own_folder(RUNS / name, "call this run something else with --name")


def own_folder(folder: Path, way_out: str) -> Path:
    """The folder itself, this process's alone until its command ends.

    The lock lies beside it, for a new run moves an old one aside. Raises ClickException, with what else to do, where
    another process has it.
    """
    from store.lock import lock_file

    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        lock = lock_file(folder.with_name(f".{folder.name}.lock"))
    except BlockingIOError:
        raise click.ClickException(f"{folder} is in use by another process; stop that one, or {way_out}") from None
    except OSError:  # some file systems of clusters know no locks: there nothing is refused
        return folder
    click.get_current_context().with_resource(lock)
    return folder
