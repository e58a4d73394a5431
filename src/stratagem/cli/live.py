"""`stratagem live` plays on generals.io, `stratagem socketio` is a server that speaks its protocol."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stratagem.cli.policy_path import PolicyPath
from stratagem.cli.values import Number, Url

if TYPE_CHECKING:
    from actors.bot_mind import Player

REFUSED = 2
INTERRUPTED = 130


@click.command()
@click.option(
    "--url", type=Url(), required=True, help="Of the server, as in https://botws.generals.io or http://127.0.0.1:8081."
)
@click.option("--user-id", required=True, envvar="STRATAGEM_USER_ID", help="The secret id of the player.")
@click.option("--name", default="[Bot] Stratagem", show_default=True, help='As others see it; begins with "[Bot]".')
@click.option("--key", default="", envvar="STRATAGEM_SITE_KEY", help="The key that the site asks bots for.")
@click.option("--policy", type=PolicyPath(), help="Plays: NAME.safetensors with NAME.json, or one in the box: pupil.")
@click.option("--bot", help="Plays: a bot. Known: random, expander, hunter, tracker, seeker, strategist, scout.")
@click.option("--weights", type=click.Path(path_type=Path), help="With --bot scout: those of a scout taught here.")
@click.option("--queue", default="1v1", show_default=True, help="1v1, ffa, or the name of a private room.")
@click.option("--force/--no-force", default=True, show_default=True, help="In rooms: start when all want to.")
@click.option("--games", type=click.IntRange(min=1), default=1, show_default=True, help="To play.")
@click.option("--moves-a-second", type=Number(min=0.1), default=10.0, show_default=True, help="At most.")
@click.option("--temperature", type=Number(min=0.0), default=1.0, show_default=True, help="0: the best move.")
@click.option(
    "--patience",
    type=Number(min=0.0),
    default=60.0,
    show_default=True,
    help="Seconds to wait for a lost server.",
)
def live(
    url: str,
    user_id: str,
    name: str,
    key: str,
    policy: Path | None,
    bot: str | None,
    weights: Path | None,
    queue: str,
    force: bool,
    games: int,
    moves_a_second: float,
    temperature: float,
    patience: float,
) -> None:
    """Play on a server that speaks the protocol of generals.io, with a policy or a scripted bot.

    Writes a line for each game that was played. Exit status: 0 when all are played, 2 if they cannot be, 130 if
    stopped.
    """
    from actors.live import LiveError, LivePlayer, Seat

    try:
        seat = Seat(user_id, name, key, queue, force, moves_a_second, patience)
        who = _player(bot, policy, weights, temperature)
        _prepare(who)
    except ValueError as error:
        click.echo(f"stratagem: {error}", err=True)
        sys.exit(REFUSED)
    player = LivePlayer(who.mind(0), seat, tell=lambda line: click.echo(f"stratagem: {line}", err=True))
    status = 0
    try:
        asyncio.run(player.play(url, games))
    except LiveError as error:
        click.echo(f"stratagem: {error}", err=True)
        status = REFUSED
    except KeyboardInterrupt:
        click.echo(f"stratagem: stopped; {player.standing}", err=True)
        status = INTERRUPTED
    for outcome in player.outcomes:
        click.echo(
            f"{outcome.replay_id} {'won' if outcome.won else 'lost'} turns {outcome.turns} moves {outcome.moves}"
        )
    sys.exit(status)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8081, show_default=True, help="0: any that is free.")
@click.option("--turn-seconds", type=Number(min=0.001), default=0.5, show_default=True, help="Of each turn.")
@click.option("--bot", help="Who sits down where nobody comes: a bot, scout too; none: nobody. Left out: hunter.")
@click.option("--policy", type=PolicyPath(), help="Or a policy: NAME.safetensors with NAME.json, or one in the box.")
@click.option("--weights", type=click.Path(path_type=Path), help="With --bot scout: those of a scout taught here.")
@click.option("--temperature", type=Number(min=0.0), default=1.0, show_default=True, help="Of the policy.")
@click.option("--bot-after", type=Number(min=0.0), default=5.0, show_default=True, help="Seconds of waiting.")
@click.option("--seed", type=click.IntRange(0, 10**9), default=0, show_default=True, help="Of the maps.")
@click.option("--replays", type=click.Path(path_type=Path, file_okay=False), help="Folder to keep games in, as .gior.")
def serve(
    host: str,
    port: int,
    turn_seconds: float,
    bot: str | None,
    policy: Path | None,
    weights: Path | None,
    temperature: float,
    bot_after: float,
    seed: int,
    replays: Path | None,
) -> None:
    """Serve games by the Socket.IO protocol of generals.io, so that bots written for the site can play here.

    Exit status: 2 if who sits down cannot be used or the address cannot be had, 130 if stopped.
    """
    from actors.socketio_server import Hosting, SiteServer

    resident = None
    try:
        if (bot, policy, weights) != ("none", None, None):
            resident = _player(bot if bot or policy else "hunter", policy, weights, temperature)
        _prepare(resident)
    except ValueError as error:
        click.echo(f"stratagem: {error}", err=True)
        sys.exit(REFUSED)
    hosting = Hosting(turn_seconds, resident, bot_after, seed=seed, replays=replays)

    async def run() -> None:
        server = SiteServer(hosting)
        click.echo(f"serving on {await server.start(host, port)}")
        try:
            await asyncio.Event().wait()
        finally:
            await server.stop()

    try:
        asyncio.run(run())
    except OSError as error:
        click.echo(f"stratagem: {host}:{port}: {error.strerror}", err=True)
        sys.exit(REFUSED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _prepare(player: "Player | None") -> None:
    """Compile what is not compiled yet; Ctrl-C ends it. Raises ValueError for who cannot play 1v1 on the site."""
    from actors.rehearsal import rehearse

    click.echo("preparing the engine; its first run compiles it, for a minute or two", err=True)
    try:
        rehearse(player)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _player(bot: str | None, policy: Path | None, weights: Path | None, temperature: float) -> "Player":
    """The one player that is asked for. Raises ValueError where it cannot be had."""
    from actors.players import bot_player, policy_player
    from engine.bots.scout import SCOUT

    if (policy is None) == (bot is None):
        raise click.UsageError("give either --policy PATH or --bot NAME")
    if weights is not None and bot != SCOUT:
        raise click.UsageError("--weights goes with --bot scout")
    if policy is not None:
        return policy_player(policy, temperature)
    return bot_player(str(bot), weights)
