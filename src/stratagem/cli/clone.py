"""`stratagem clone`: behaviour cloning from recorded games."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from learner.cloning import Losses

REFUSED = 2
TOLD = 0.1  # part of the time between two lines of progress


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Writes OUT.safetensors and OUT.json.")
@click.option("--size", default="tiny", show_default=True, help="Of the network: tiny, small, medium, large.")
@click.option("--halves/--no-halves", default=True, show_default=True, help="Whether it may move half an army.")
@click.option("--minutes", type=click.FloatRange(min=0.01), default=5.0, show_default=True, help="Of training.")
@click.option("--games", type=click.IntRange(min=1), help="Take only the first so many games.")
@click.option("--seed", type=click.IntRange(0, 10**9), default=0, show_default=True, help="Of weights and order.")
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
def clone(
    files: tuple[Path, ...],
    out: Path,
    size: str,
    halves: bool,
    minutes: float,
    games: int | None,
    seed: int,
    device: str,
) -> None:
    """Train a policy to play as people did in recorded 1v1 games (.gior, .gioreplay, .json, .jsonl, each also .gz).

    Every tenth game is kept back and tells how well the policy foretells play. A training run can begin from the
    policy. Exit status: 0, 2 if the files cannot be used.
    """
    from learner.host import prepare_host

    prepare_host()
    from engine.replays import ReplayError
    from learner.cloning import BOARD, CloneSettings, Cloning, divide, load_games, score
    from learner.network import NetworkConfig
    from learner.snapshot import save_policy

    try:
        network = NetworkConfig.of(size, halves=halves)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--size") from None
    try:
        found, others = load_games(files)
    except ReplayError as error:
        click.echo(f"stratagem: {error}", err=True)
        sys.exit(REFUSED)
    learned, kept = divide(found[:games])
    click.echo(f"{len(learned)} games to learn from, {len(kept)} kept back, {others} of other kinds left out")
    cloning = Cloning(network, CloneSettings(seed=seed, seconds=60.0 * minutes), device)
    following = 0.0

    def told(progress: float, losses: "Losses") -> None:
        nonlocal following
        if progress >= following:
            following += TOLD
            click.echo(f"  {progress:4.0%}  choice {float(losses.choice):.3f} nats, value {float(losses.value):.3f}")

    cloning.train(learned, told)
    result = score(cloning.policy, kept)
    facts = {
        "board": [BOARD.board_height, BOARD.board_width],
        "cloned_from": [path.name for path in files],
        "seed": seed,
        "seconds": 60.0 * minutes,
        "player_turns": cloning.turns,
        "held_out": asdict(result),
    }
    save_policy(cloning.policy, out, facts)
    click.echo(
        f"{out}: after {cloning.turns:,} turns foretells {result.first:.1%} of {result.moves:,} held-out moves, "
        f"{result.three:.1%} within three choices, {result.by_chance:.1%} by chance; {result.nats:.2f} nats a move; "
        f"the winner on {result.winner:.1%} of turns"
    )
