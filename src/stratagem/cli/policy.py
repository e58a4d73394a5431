"""`stratagem policy`: take policies to where they play."""

import sys
from pathlib import Path

import click

REFUSED = 2
WRITTEN = (".json", ".safetensors")


@click.group()
def policy() -> None:
    """Take policies to where they play."""


@policy.command()
@click.argument("paths", nargs=-1, metavar="[POLICY] OUT.zip", type=click.Path(path_type=Path))
@click.option("--competition", is_flag=True, required=True, help="As a zip for the bot competition of generals.bot.")
@click.option("--bot", help="Instead of a POLICY, this scripted bot; known: hunter.")
@click.option(
    "--temperature", type=click.FloatRange(min=0.0), default=1.0, show_default=True, help="0: always the best move."
)
def export(paths: tuple[Path, ...], competition: bool, bot: str | None, temperature: float) -> None:
    """Pack POLICY (NAME.safetensors with NAME.json; the name with or without suffix) for another place.

    The zip holds `run.sh`, needs torch there, runs on one core, and falls back on a scripted bot if the policy fails.
    Exit status: 0, 2 if the policy cannot be used.
    """
    from actors.competition_zip import BOTS, ExportError, competition_zip, move_seconds
    from learner.snapshot import SnapshotError, replace_file

    if bot is not None and bot not in BOTS:
        raise click.BadParameter(f'bot "{bot}" is unknown; known: {", ".join(BOTS)}', param_hint="--bot")
    if len(paths) != (2 if bot is None else 1):
        raise click.UsageError("give POLICY and OUT.zip, or --bot NAME and OUT.zip")
    target = paths[-1]
    stem = None if bot else paths[0].with_suffix("") if paths[0].suffix in WRITTEN else paths[0]
    try:
        speed = f", {1000 * move_seconds(stem):.1f} ms a move on one core here" if stem else ""
        data = competition_zip(stem, temperature)
        replace_file(target, data)
    except (SnapshotError, ExportError, OSError) as error:
        click.echo(f"stratagem: {error}", err=True)
        sys.exit(REFUSED)
    click.echo(f"{target}: {len(data) / 1e6:.1f} MB{speed}")
