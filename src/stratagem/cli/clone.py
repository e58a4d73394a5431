"""`stratagem clone`: learn to play as others do, people in recorded games or a scripted bot."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.bots import BOTS
from stratagem.cli.device import device_option
from stratagem.cli.policy_path import PolicyPath
from stratagem.cli.signals import interrupted_by_sigterm
from stratagem.cli.told_options import told_options
from stratagem.cli.values import Number, OutFile

if TYPE_CHECKING:
    from learner.cloning import CloneSettings, Losses
    from learner.network import Policy
    from learner.network_config import NetworkConfig
    from learner.teaching import Lessons

REFUSED = 2
TOLD = 0.1  # part of the time between two lines of progress
GUIDED = 0.5  # with a teacher: from half of the run on it has every second seat, before more
MAX_TURNS = 1000  # of a game with a teacher
WEAKER = 0.25  # of the games, once the learner plays for itself from the start, are against a weaker bot


@click.command()
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path(path_type=Path))
@click.option("--teacher", type=click.Choice(list(BOTS)), help="Instead of files: learn from this bot.")
@click.option("--board", help="With --teacher: maps by name, site (the default), competition or small.")
@click.option("--ruleset", help="With --teacher: generalsio (the default), classic or competition.")
@click.option(
    "--out", required=True, type=OutFile(stem=True), help="Writes OUT.safetensors, .json, .metrics.jsonl, .png."
)
@click.option("--start", type=PolicyPath(), help="Begin from this policy, its network.")
@click.option("--size", default="tiny", show_default=True, help="Of the network: tiny, small, medium, base, large.")
@click.option("--halves/--no-halves", default=True, show_default=True, help="Whether it may move half an army.")
@told_options
@click.option("--minutes", type=Number(min=0.01), default=5.0, show_default=True, help="Of training.")
@click.option("--games", type=click.IntRange(min=1), help="Take only the first so many; with --teacher, at a time: 32.")
@click.option(
    "--rate",
    type=Number(0.0, 1.0, min_open=True),
    default=2e-3,
    show_default=True,
    help="Learning rate at the start.",
)
@click.option("--seed", type=click.IntRange(0, 10**9), default=0, show_default=True, help="Of weights and order.")
@device_option
def clone(
    files: tuple[Path, ...],
    teacher: str | None,
    board: str | None,
    ruleset: str | None,
    out: Path,
    start: Path | None,
    size: str,
    halves: bool,
    told: dict[str, bool],
    minutes: float,
    games: int | None,
    rate: float,
    seed: int,
    device: str,
) -> None:
    """Train a policy to play as people did in recorded 1v1 games (.gior, .gioreplay, .json, .jsonl, each also .gz).

    Every tenth game is kept back and tells how well the policy foretells play. With --teacher it plays games itself,
    and a scripted bot says at every turn what it would have done. A training run can begin from the policy. Ctrl-C
    ends the training and keeps what was learned. Exit status: 0, 2 if the files cannot be used.
    """
    if (teacher is None) != bool(files):
        raise click.UsageError("give recorded games, or --teacher BOT")
    if teacher is None and (board or ruleset):
        raise click.UsageError("--board and --ruleset go with --teacher; recorded games bring their own")
    from learner.host import prepare_host

    prepare_host()
    from learner.cloning import CloneSettings

    settings = CloneSettings(seed=seed, seconds=60.0 * minutes, games=games or 32, learning_rate=rate)
    options = {"halves": halves, **told}
    if teacher is None:
        _from_files(files, games, _network(start, size, **options), settings, out, start, device)
    else:
        _from_teacher(teacher, board or "site", ruleset or "generalsio", size, options, settings, out, start, device)


def _network(start: Path | None, size: str, **options: Any) -> "NetworkConfig":
    """The network of a size, or that of the policy to begin from."""
    from learner.network_config import NetworkConfig
    from learner.snapshot import SnapshotError, load_policy

    try:
        if not start:
            return NetworkConfig.of(size, **options)
        config = load_policy(start).policy.config
        if config.castles != options.get("castles", config.castles):
            found = "with" if config.castles else "without"
            raise ValueError(f"{start} is of rules {found} castles; accepted: a policy for the ruleset's own")
        return config
    except SnapshotError as error:
        raise click.BadParameter(str(error), param_hint="--start") from None
    except ValueError as error:
        raise click.UsageError(f"--start: {error}" if start else str(error)) from None


class Teller:
    """Tells of progress ten times a run, of means since the time before; OUT.metrics.jsonl has every fragment."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._metrics = out.with_name(f"{out.name}.metrics.jsonl")
        self._metrics.parent.mkdir(parents=True, exist_ok=True)
        self._metrics.write_text("")
        self.progress = 0.0
        self.lessons: Lessons | None = None  # with a teacher
        self._rows: list[dict[str, float]] = []
        self._following = 0.0
        self._since: list[tuple[float, float]] = []

    def __call__(self, progress: float, losses: "Losses") -> None:
        """Hear of a fragment."""
        self.progress = progress
        self._since.append((float(losses.choice), float(losses.value)))
        row = {"progress": round(progress, 5), "choice": self._since[-1][0], "value": self._since[-1][1]}
        if self.lessons:
            row["agrees"] = round(self.lessons.agreement, 5)
        self._rows.append(row)
        with self._metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        if progress >= self._following:
            self._following += TOLD
            choice, value = (sum(column) / len(self._since) for column in zip(*self._since, strict=True))
            self._since.clear()
            click.echo(f"  {progress:4.0%}  choice {choice:.3f} nats, value {value:.3f}")

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let Ctrl-C or SIGTERM end the training and nothing else, once there is something to keep."""
        try:
            with interrupted_by_sigterm():
                yield
        except KeyboardInterrupt:
            if not self._rows:
                raise
            click.echo(f"stopped at {self.progress:.0%}; what was learned is kept")

    def draw(self, seconds: float) -> None:
        """Draw OUT.png of a run that was given so long."""
        from learner.report import draw_lessons

        draw_lessons(self._rows, seconds / 60.0, self._out.with_name(f"{self._out.name}.png"))


def _save(policy: "Policy", out: Path, facts: dict[str, Any], settings: "CloneSettings") -> None:
    """Write the policy, unless its weights have grown beyond all numbers."""
    from learner.snapshot import save_policy

    if not all(bool(weight.isfinite().all()) for weight in policy.parameters()):
        raise click.ClickException(
            f"the weights are no numbers any more, rate is {settings.learning_rate:g}; accepted: a lower one. "
            f"{out} is not written"
        )
    save_policy(policy, out, facts)


def _from_files(
    files: tuple[Path, ...],
    games: int | None,
    network: "NetworkConfig",
    settings: "CloneSettings",
    out: Path,
    start: Path | None,
    device: str,
) -> None:
    from engine.replays import ReplayError
    from learner.cloning import Cloning, divide, score
    from learner.recorded import BOARD, load_games

    try:
        found, others = load_games(files)
    except ReplayError as error:
        click.echo(f"stratagem: {error}", err=True)
        sys.exit(REFUSED)
    learned, kept = divide(found[:games])
    click.echo(f"{len(learned)} games to learn from, {len(kept)} kept back, {others} of other kinds left out")
    cloning = Cloning(network, settings, device, start)
    told = Teller(out)
    with told.interruptible():
        cloning.train(learned, told)
    told.draw(settings.seconds)
    facts: dict[str, Any] = {
        "board": [BOARD.board_height, BOARD.board_width],
        "cloned_from": [path.name for path in files],
        "seed": settings.seed,
        "seconds": round(settings.seconds * told.progress, 1),
        "player_turns": cloning.turns,
    }
    _save(cloning.policy, out, facts, settings)
    result = score(cloning.policy, kept)
    _save(cloning.policy, out, {**facts, "held_out": asdict(result)}, settings)
    click.echo(
        f"{out}: after {cloning.turns:,} turns foretells {result.first:.1%} of {result.moves:,} held-out moves, "
        f"{result.three:.1%} within three choices, {result.by_chance:.1%} by chance; {result.nats:.2f} nats a move; "
        f"the winner on {result.winner:.1%} of turns"
    )


def _from_teacher(
    teacher: str,
    board: str,
    ruleset: str,
    size: str,
    options: dict[str, bool],
    settings: "CloneSettings",
    out: Path,
    start: Path | None,
    device: str,
) -> None:
    from engine.batch import GameBatch
    from engine.maps import find_map
    from engine.rulesets import find_ruleset
    from engine.warm import compile_kernels
    from learner.cloning import Cloning
    from learner.teaching import Lessons

    try:
        rules, maps = find_ruleset(ruleset), find_map(board, 2)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    compile_kernels()
    settings = replace(settings, passes=1.0)  # a bot that passes does so on purpose
    cloning = Cloning(_network(start, size, castles=rules.castle_price > 0, **options), settings, device, start)
    told = Teller(out)
    batch = GameBatch(rules, settings.games, settings.seed, board=maps, autoreset="next", max_turns=MAX_TURNS)
    guided = (lambda: GUIDED) if start else (lambda: max(GUIDED, 1.0 - told.progress))
    lessons = Lessons(cloning.policy, batch, teacher, settings.seed, guided, WEAKER if start else 0.0)
    told.lessons = lessons
    with told.interruptible():
        cloning.learn(lessons, told)
    told.draw(settings.seconds)
    facts = {
        "ruleset": rules.name,
        "maps": maps.name,
        "board": [maps.board_height, maps.board_width],
        "taught_by": teacher,
        "seed": settings.seed,
        "seconds": round(settings.seconds * told.progress, 1),
        "player_turns": cloning.turns,
    }
    _save(cloning.policy, out, facts, settings)
    click.echo(f"{out}: after {cloning.turns:,} turns, agrees with {teacher} on {lessons.agreement:.1%} of the latest")
