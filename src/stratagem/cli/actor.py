"""`stratagem actor`: a process that plays."""

import signal
import threading

import click

from services.settings import PORTS


@click.command()
@click.option("--name", default="actor", show_default=True, help="Of this actor.")
@click.option("--policy", default="fleet", show_default=True, help="Name of the policy that is trained.")
@click.option("--games", type=click.IntRange(2, 65536), default=144, show_default=True, help="Played at once.")
@click.option("--server", default=f"127.0.0.1:{PORTS['game']}", show_default=True, metavar="HOST:PORT")
@click.option("--replay", default=f"127.0.0.1:{PORTS['replay']}", show_default=True, metavar="HOST:PORT")
@click.option("--table", default="fifo", show_default=True, help="The replay table.")
def actor(name: str, policy: str, games: int, server: str, replay: str, table: str) -> None:
    """Play what the matchmaker says with the latest policy until SIGTERM; send experience, report games."""
    from learner.host import prepare_host

    prepare_host()
    from actors.reporter import Sender

    from actors.actor import Actor, ActorSettings
    from actors.outcomes import Reporter
    from services.client import open_channel
    from services.logs import configure_logs

    configure_logs()
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    with open_channel(server) as to_server, open_channel(replay) as to_replay:
        outcomes = Reporter(to_server)
        sender = Sender(to_replay, table)
        try:
            Actor(ActorSettings(name, policy, games), to_server, sender.put, outcomes).run(stopped.is_set)
        finally:
            sender.stop()
            left = outcomes.stop()
            click.echo(f"{name}: {outcomes.reported} games reported, {left} left unsent", err=True)
