"""`stratagem tune`: go on from a policy by reinforcement, against itself and bots."""

import sys
from pathlib import Path

import click

from engine.bots import BOTS
from stratagem.cli.demo import INTERRUPTED, REFUSED, RUNS, gentle_stop


class BotGames(click.ParamType[tuple[str, int]]):
    """BOT:GAMES."""

    name = "BOT:GAMES"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        """Read "hunter:24" as ("hunter", 24)."""
        bot, _, games = str(value).partition(":")
        if bot not in BOTS or not games.isdecimal() or not 2 <= int(games) <= 65536:
            self.fail(
                f'"{value}" is not accepted; accepted: one of {", ".join(BOTS)}, a colon, 2 games or more', param, ctx
            )
        return bot, int(games)


@click.command()
@click.argument("policy", type=click.Path(path_type=Path))
@click.option("--name", default="tune", show_default=True, help="The run: writes runs/NAME/.")
@click.option("--board", default="site", show_default=True, help="Maps by name: site, competition, small.")
@click.option("--ruleset", default="generalsio", show_default=True, help="generalsio, classic or competition.")
@click.option(
    "--against", type=BotGames(), multiple=True, default=["expander:24", "hunter:24"], show_default=True, help="Games."
)
@click.option("--minutes", type=click.FloatRange(min=0.01), default=30.0, show_default=True, help="Of training.")
@click.option("--seed", type=click.IntRange(0, 10**9), default=1, show_default=True, help="Of maps and moves.")
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@click.option("--quiet", is_flag=True, help="Print the end alone.")
@click.option("--fresh", is_flag=True, help="Start over, even if the run could go on.")
def tune(
    policy: Path,
    name: str,
    board: str,
    ruleset: str,
    against: tuple[tuple[str, int], ...],
    minutes: float,
    seed: int,
    device: str,
    quiet: bool,
    fresh: bool,
) -> None:
    """Train POLICY (NAME.safetensors with NAME.json) further by PPO, against itself, its snapshots and bots.

    Ctrl-C ends it at any time and keeps what was learned; the same command then goes on from there. Exit status: 0, 2
    if the policy cannot be used.
    """
    from learner.host import prepare_host

    prepare_host()
    from engine.maps import find_map
    from engine.rulesets import find_ruleset
    from learner.live import choose_view
    from learner.snapshot import SnapshotError
    from learner.training import open_run
    from learner.tuning import tuning_plan

    try:
        plan = tuning_plan(
            policy, name, seed, minutes, find_ruleset(ruleset), find_map(board, 2), dict(against), device
        )
    except (SnapshotError, ValueError) as error:
        click.echo(f"stratagem: {error}", err=True)
        sys.exit(REFUSED)
    folder = RUNS / name
    view = choose_view(f"stratagem · {folder} · from {policy}", quiet=quiet)
    training = open_run(plan, folder, fresh, view)
    training.prepare()
    with gentle_stop() as stopped:
        try:
            training.run(view, stopped)
        finally:
            view.close()
        if stopped():
            click.echo(f"kept in {folder}; the same command goes on")
            sys.exit(INTERRUPTED)
    click.echo(f"{folder / 'policy'}: {training.counters.decisions:,} decisions learned from")
