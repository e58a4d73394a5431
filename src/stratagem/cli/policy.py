"""`stratagem policy`: rate policies, and take them to where they play."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stratagem.cli.policy_path import PolicyPath
from stratagem.cli.values import Number, OutFile
from stratagem.policies import SUFFIXES, boxed, find_policy, stem_of

if TYPE_CHECKING:
    from store.connect import Connection
    from store.policies import PolicyVersion

REFUSED = 2


@click.group()
def policy() -> None:
    """Rate policies, and take them to where they play."""


@policy.command()
@click.argument("paths", nargs=-1, metavar="[POLICY] [OUT.zip]", type=click.Path(path_type=Path))
@click.option("--onnx", type=OutFile(), metavar="OUT.onnx", help="Write ONNX there.")
@click.option("--competition", is_flag=True, help="Write OUT.zip for the bot competition of generals.bot.")
@click.option("--bot", help="With --competition, in place of POLICY: hunter, tracker, seeker, strategist, scout.")
@click.option(
    "--temperature",
    type=Number(min=0.0),
    default=1.0,
    show_default=True,
    help="With --competition; 0: always the best move.",
)
@click.option("--weights", type=click.Path(path_type=Path), help="With --bot scout: those of a scout taught here.")
def export(
    paths: tuple[Path, ...],
    onnx: Path | None,
    competition: bool,
    bot: str | None,
    temperature: float,
    weights: Path | None,
) -> None:
    """Pack POLICY (NAME.safetensors with NAME.json; the name with or without suffix) for another place.

    ONNX is for places without torch, and is written only if it answers as torch does, within 0.0001, over the turns of
    some games. The zip holds `run.sh`, needs torch there, runs on one core, and falls back on a scripted bot if the
    policy fails. Exit status: 0, 2 if the policy cannot be used.
    """
    if competition == (onnx is not None):
        raise click.UsageError("give one of --onnx OUT.onnx and --competition")
    if weights is not None and bot != "scout":
        raise click.UsageError("--weights goes with --competition --bot scout")
    if onnx is not None:
        if len(paths) != 1 or bot is not None:
            raise click.UsageError("give POLICY and --onnx OUT.onnx")
        _export_onnx(find_policy(paths[0]), onnx)
        return
    if len(paths) != (2 if bot is None else 1):
        raise click.UsageError("give POLICY and OUT.zip, or --bot NAME and OUT.zip")
    OutFile()(paths[-1], None, click.get_current_context())
    _export_zip(None if bot else find_policy(paths[0]), bot, paths[-1], temperature, weights)


def _export_onnx(stem: Path, target: Path) -> None:
    from learner.export_onnx import ExportError, export_onnx
    from learner.snapshot import SnapshotError, load_policy, replace_file

    try:
        data = export_onnx(load_policy(stem).policy)
    except (SnapshotError, ExportError) as error:
        click.echo(f"stratagem: {error}", err=True)
        sys.exit(REFUSED)
    replace_file(target, data)
    click.echo(f"{target}: {len(data):,} bytes, equal to torch")


def _export_zip(stem: Path | None, bot: str | None, target: Path, temperature: float, weights: Path | None) -> None:
    from actors.competition import STAND_IN
    from actors.competition_zip import BOTS, ExportError, competition_zip, move_seconds
    from learner.scout import load_scout
    from learner.snapshot import SnapshotError, replace_file

    if bot is not None and bot not in BOTS:
        raise click.BadParameter(f'bot "{bot}" is unknown; known: {", ".join(BOTS)}', param_hint="--bot")
    try:
        speed = f", {1000 * move_seconds(stem):.1f} ms a move on one core here" if stem else ""
        if weights is not None:
            load_scout(weights)  # what cannot play is refused
        data = competition_zip(stem, temperature, bot or STAND_IN, weights)
        replace_file(target, data)
    except (SnapshotError, ExportError, OSError) as error:
        click.echo(f"stratagem: {error}", err=True)
        sys.exit(REFUSED)
    click.echo(f"{target}: {len(data) / 1e6:.1f} MB{speed}")


@policy.command()
@click.argument("path", metavar="POLICY", type=click.Path(path_type=Path))
@click.option("--against", multiple=True, help="A bot, or another policy; may be repeated. Left out: every bot.")
@click.option("--board", default="site", show_default=True, help="Maps by name: site, competition, small.")
@click.option("--ruleset", default="generalsio", show_default=True, help="generalsio, classic or competition.")
@click.option("--pairs", type=click.IntRange(1), default=100, show_default=True, help="Mirrored pairs of games each.")
@click.option("--turns", type=click.IntRange(1), default=1000, show_default=True, help="Longer games are drawn.")
@click.option("--seed", type=click.IntRange(0, 10**9), default=1, show_default=True, help="Of maps and moves.")
@click.option("--weights", type=click.Path(path_type=Path), help="With POLICY scout: those of a scout taught here.")
@click.option("--json", "target", type=OutFile(), help="Write the figures there.")
def rate(
    path: Path,
    against: tuple[str, ...],
    board: str,
    ruleset: str,
    pairs: int,
    turns: int,
    seed: int,
    weights: Path | None,
    target: Path | None,
) -> None:
    """Play POLICY (NAME.safetensors with NAME.json, a bot, or scout) against bots: each map twice, seats swapped.

    Prints wins with 95 % intervals; a drawn game is no win. Exit status: 0, 2 if a policy cannot be used.
    """
    from learner.host import prepare_host

    prepare_host()
    from engine.bots import BOTS
    from engine.bots.scout import SCOUT
    from engine.maps import find_map
    from engine.rulesets import find_ruleset
    from engine.warm import compile_kernels
    from learner.players import BotPlayer, Player, PolicyPlayer
    from learner.rating import Arena, play_match
    from learner.scout import WEIGHTS, load_scout
    from learner.scout_player import ScoutPlayer
    from learner.snapshot import SnapshotError, file_of, load_policy, replace_file

    if weights is not None and str(path) != SCOUT:
        raise click.UsageError("--weights goes with POLICY scout")

    def player(name: str, number: int, weights: Path = WEIGHTS) -> Player:
        if name == SCOUT:
            return ScoutPlayer(load_scout(weights))
        if name in BOTS:
            return BotPlayer(name)
        stem = find_policy(Path(name))
        if stem.parent == Path() and not any(file_of(stem, suffix).exists() for suffix in SUFFIXES):
            known = ", ".join([*BOTS, SCOUT, *(policy.name for policy in boxed())])
            raise ValueError(f'"{name}" is neither a policy nor a bot; known: {known}')
        return PolicyPlayer(name, load_policy(stem).policy, number)

    try:
        rules = find_ruleset(ruleset)
        arena = Arena(rules.vary(turn_limit=min(turns, rules.turn_limit or turns)), find_map(board, 2), seed)
        rivals = [player(name, seed + number) for number, name in enumerate(against or BOTS, start=1)]
        own = player(str(path), seed, weights or WEIGHTS)
    except (SnapshotError, ValueError) as error:
        click.echo(f"stratagem: {error}", err=True)
        sys.exit(REFUSED)
    compile_kernels()
    found = {}
    for rival in rivals:
        match = play_match(own, rival, arena, pairs)
        won = match.win_rate
        click.echo(
            f"wins {won.mean:6.1%} of {won.games} games against {rival.name} (95 %: {won.low:.1%} to {won.high:.1%}), "
            f"draws {match.drawn:.1%}, {match.turns.mean():.0f} turns a game"
        )
        found[rival.name] = {**won.as_dict(), "drawn": match.drawn, "turns": float(match.turns.mean())}
    if target is not None:
        facts = {"policy": str(path), "board": board, "ruleset": ruleset, "turn_limit": arena.ruleset.turn_limit}
        replace_file(target, json.dumps({**facts, "seed": seed, "wins": found}, indent=2).encode() + b"\n")


@policy.command()
@click.argument("path", metavar="POLICY", type=PolicyPath())
@click.argument("out", metavar="OUT", type=OutFile(stem=True))
@click.option("--levels", type=int, default=0, show_default=True, help="A pyramid: halvings of the board; 3, say.")
@click.option("--blocks", type=int, default=1, show_default=True, help="Residual blocks on each.")
@click.option("--phases", is_flag=True, help="Let it be told each turn of the cycle of 50.")
@click.option("--ordered", is_flag=True, help="Let ways show in which order to gather.")
@click.option("--belief", is_flag=True, help="Show it where the enemy's general probably is, and let ways lead there.")
@click.option(
    "--adviser", default="", help="Bot that tells it what it would do, followed at first: seeker, strategist."
)
@click.option("--seed", type=click.IntRange(0, 10**9), default=0, show_default=True, help="Of the new weights.")
def grow(path: Path, out: Path, levels: int, blocks: int, seed: int, adviser: str, **more: bool) -> None:
    """Write POLICY to OUT with a larger network: a pyramid, to see the whole board, or more to be told.

    Until it has learned more it plays as before, or nearly so; with --belief it marches elsewhere at once. Exit status:
    0, 2 if the policy cannot be used.
    """
    import torch

    from learner.growth import grown
    from learner.network import parameters_of
    from learner.snapshot import SnapshotError, load_policy, save_policy

    try:
        snapshot = load_policy(path)
        torch.manual_seed(seed)
        told = tuple(name for name, asked in more.items() if asked)
        larger = grown(snapshot.policy, levels, blocks, told, adviser)
    except (SnapshotError, ValueError) as error:
        click.echo(f"stratagem: {error}", err=True)
        sys.exit(REFUSED)
    save_policy(larger, stem_of(out), snapshot.about)
    click.echo(f"{out}: {parameters_of(snapshot.policy):,} weights grew to {parameters_of(larger):,}")


@policy.command()
@click.argument("path", metavar="POLICY", type=PolicyPath())
@click.argument("out", metavar="OUT", type=OutFile(stem=True))
@click.argument("temperature", type=float)
def temper(path: Path, out: Path, temperature: float) -> None:
    """Write POLICY to OUT so that it draws its moves at TEMPERATURE: below 1 the likeliest become likelier.

    Exit status: 0, 2 if the policy cannot be used.
    """
    from learner.snapshot import SnapshotError, load_policy, save_policy

    try:
        snapshot = load_policy(path)
        snapshot.policy.temper(temperature)
    except (SnapshotError, ValueError) as error:
        click.echo(f"stratagem: {error}", err=True)
        sys.exit(REFUSED)
    before = float(snapshot.about.get("temperature", 1.0))
    save_policy(snapshot.policy, stem_of(out), {**snapshot.about, "temperature": before * temperature})


def publish_file(connection: "Connection", path: Path) -> "PolicyVersion":
    """Publish a policy from files, NAME/policy and NAME alike under their name; the same again is the same version."""
    from learner.snapshot import file_of, load_policy
    from store.policies import Policies

    snapshot = load_policy(path)
    about = {**snapshot.about, "network": snapshot.policy.config.as_dict()}
    name = (path.resolve().parent.name if path.name == "policy" else path.name).lower()
    return Policies(connection).publish(name, file_of(path, ".safetensors").read_bytes(), about)


def store_export(connection: "Connection", version: "PolicyVersion") -> None:
    """Put the ONNX form of a published policy in the models bucket, where matches look for it."""
    from safetensors.torch import load as parse_tensors

    from learner.export_onnx import export_onnx
    from learner.network import Policy
    from learner.network_config import NetworkConfig
    from learner.snapshot import fill
    from store.names import export_key, policy_key
    from store.objects import put
    from store.policies import Policies

    network = Policy(NetworkConfig(**version.about["network"]))
    fill(network, parse_tensors(Policies(connection).weights(version)), Path(policy_key(version.sha256)))
    put(connection, connection.names.models_bucket, export_key(version.sha256), export_onnx(network))
