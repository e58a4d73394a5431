"""Processes that belong together: started in order, started again when they die, stopped in the opposite order."""

import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stratagem.lifeline import Lifeline

BACKOFF_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0)
STEADY_SECONDS = 30.0  # after so long a process counts as well, and its next restart is quick again
TROUBLED_AFTER = 3  # times in a row that it has ended before that
TELL_SECONDS = 10.0  # between two words about a start that takes long


class StartError(Exception):
    """A process did not become ready, or its port is taken."""


def listens(port: int) -> bool:
    """Whether anything answers at a port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass
class Child:
    """A process to keep running. `ready` says whether it can be used, `ports` where it will answer on 127.0.0.1."""

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str]
    ready: Callable[[], bool] = lambda: True
    ports: Sequence[int] = ()
    start_seconds: float = 120.0  # that it may take to become ready
    stop_seconds: float = 20.0  # between SIGTERM and SIGKILL
    orphan_seconds: float = 0.0  # that it goes on for after this process was killed, if it holds its lifeline
    process: subprocess.Popen[bytes] | None = None
    restarts: int = 0
    started: float = 0.0
    again: float = field(default=0.0)  # when it may be started again
    failures: int = 0  # in a row
    last_words: str = ""  # in its log, when it last ended
    lifeline: Lifeline = field(default_factory=Lifeline)

    @property
    def state(self) -> str:
        """In a word: "running", "stopped", or how it ended."""
        if self.process is None:
            return "stopped"
        code = self.process.poll()
        return "running" if code is None else f"ended ({code})"

    def start(self) -> None:
        """Start it; its output goes to its log. Ctrl-C in a terminal does not reach it: it has a group of its own."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                list(self.command),
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**self.environment, **self.lifeline.environment(self.orphan_seconds)},
                pass_fds=[self.lifeline.reading],
                stdin=subprocess.DEVNULL,
                process_group=0,
            )
        self.started = time.monotonic()

    def await_ready(
        self, told: Callable[[str], None] = lambda line: None, over: Callable[[], bool] = lambda: False
    ) -> None:
        """Wait until it is ready or all is over. Raises StartError where it ends before or takes longer than
        `start_seconds`.
        """
        begun = telling = time.monotonic()
        while True:
            ready = self.ready()
            # Asked last: whatever answered in place of a process that has ended is not this one.
            if self.process is None or self.process.poll() is not None:
                raise StartError(
                    f"{self.name} {self.state} while starting; its last words in {self.log}:\n{self.tail()}"
                )
            if ready or over():
                return
            now = time.monotonic()
            if now - begun > self.start_seconds:
                raise StartError(f"{self.name} is not ready after {self.start_seconds:.0f} s; see {self.log}")
            if now - telling > TELL_SECONDS:
                telling = now
                told(f"{self.name} is still starting, {now - begun:.0f} s: {self.tail(1)}")
            time.sleep(0.1)

    def tail(self, lines: int = 5) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    @property
    def trouble(self) -> str:
        """What is wrong with a process that ends again and again soon after it was started; of others nothing."""
        if self.failures < TROUBLED_AFTER:
            return ""
        return f"{self.name} has ended {self.failures} times in a row; its last words in {self.log}:\n{self.last_words}"

    def watch(self) -> None:
        """Start it again if it has died and its pause is over."""
        if self.process is None or self.process.poll() is None:
            if self.failures and time.monotonic() - self.started > STEADY_SECONDS:
                self.failures = 0
            return
        if self.again == 0.0:
            self.again = time.monotonic() + BACKOFF_SECONDS[min(self.failures, len(BACKOFF_SECONDS) - 1)]
            self.failures += 1
            self.last_words = self.tail()
        elif time.monotonic() >= self.again:
            self.again = 0.0
            self.restarts += 1
            self.start()

    def stop(self) -> None:
        """Ask it to end, wait, and end it."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(self.stop_seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None


class Fleet:
    """Children in the order in which they need each other."""

    def __init__(self, children: Sequence[Child]) -> None:
        self.children = list(children)

    def start(self, told: Callable[[str], None], over: Callable[[], bool] = lambda: False) -> None:
        """Start each once the one before is ready, until all is over. Raises StartError; those that run are stopped
        then.
        """
        self._refuse_taken_ports()
        try:
            for child in self.children:
                if over():
                    return
                told(f"starting {child.name}")
                child.start()
                child.await_ready(told, over)
        except BaseException:
            self.stop(told)
            raise

    def _refuse_taken_ports(self) -> None:
        """Raise StartError where something else answers: the others would take it for their own."""
        for child in self.children:
            for port in child.ports:
                if listens(port):
                    raise StartError(
                        f"port {port} of 127.0.0.1, where {child.name} is to answer, is taken; stop what answers there "
                        "(another fleet or store; of one that was killed, what is left ends within a minute), then "
                        "start again"
                    )

    def watch(self) -> None:
        """Start again what has died."""
        for child in self.children:
            child.watch()

    def stop(self, told: Callable[[str], None], keep: int = 0) -> None:
        """Stop all but the first `keep`, the last first."""
        for child in reversed(self.children[keep:]):
            if child.process is not None:
                told(f"stopping {child.name}")
                child.stop()
