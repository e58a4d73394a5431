"""Processes of a fleet end when their supervisor has died, by `kill -9` too: so a new one finds its ports free.

Each is given the reading end of a pipe whose other end the supervisor alone holds, and never writes to. Once nobody
holds that any more, reading ends, and the process sends itself SIGTERM.
"""

import os
import signal
import threading
import time
import weakref

VARIABLE = "STRATAGEM_LIFELINE"  # in a process's environment: which descriptor, and how many seconds to go on after


class Lifeline:
    """The supervisor's side, for as long as this object or its process lives."""

    def __init__(self) -> None:
        self.reading, writing = os.pipe()  # no process that is started inherits either unasked
        for descriptor in (self.reading, writing):
            weakref.finalize(self, os.close, descriptor)

    def environment(self, seconds: float) -> dict[str, str]:
        """What tells a process of it that inherits `reading`; it goes on for so many seconds."""
        return {VARIABLE: f"{self.reading} {seconds}"}


def hold_lifeline() -> None:
    """End by SIGTERM when the supervisor that started this process is gone; of others nothing is changed."""
    told = os.environ.pop(VARIABLE, "")  # what this process starts inherits no descriptor
    if told:
        descriptor, seconds = told.split()
        arguments = int(descriptor), float(seconds)
        threading.Thread(target=_wait, args=arguments, name="lifeline", daemon=True).start()


def _wait(descriptor: int, seconds: float) -> None:
    try:
        os.read(descriptor, 1)
    except OSError:  # the variable came down through a process that did not know it, and the pipe did not
        return
    time.sleep(seconds)
    os.kill(os.getpid(), signal.SIGTERM)
