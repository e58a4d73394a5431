"""The local store: moto's S3 and DynamoDB as one server on this machine, exact and lasting.

moto's server answers requests in threads that can come between another's check and its write; here they take turns, so
a conditional write is as exact as on AWS. And what was written lasts: every request that changed something is appended
to a journal before it is answered, and a new server plays the journal again before it listens (`store.journal`), so
`kill -9` loses nothing that was acknowledged.
"""

import io
import json
import logging
import socket
import threading
from base64 import b64encode
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server
from werkzeug.test import run_wsgi_app

from store.journal import play
from store.lock import lock_folder

READS = ("Get", "BatchGet", "Query", "Scan", "List", "Describe")
"""How the names of DynamoDB's operations that change nothing begin."""


class LocalStore:
    """A server at 127.0.0.1. `journal` is the file that keeps what was written; None: nothing lasts.

    Its folder is this store's alone. A long journal takes a while, of which `told` hears.

    Raises OSError where another process uses the folder or the port, and ValueError for a journal that is damaged
    before its last line.
    """

    def __init__(
        self, port: int = 0, journal: Path | None = None, told: Callable[[str], None] = lambda line: None
    ) -> None:
        self._own = lock_folder(journal.parent) if journal is not None else None
        self._app = DomainDispatcherApplication(create_backend_app)
        self._lock = threading.Lock()
        self._file: IO[str] | None = None
        logging.getLogger("werkzeug").setLevel(logging.WARNING)
        with _bound(port) as bound:
            self._port: int = bound.getsockname()[1]
            if journal is not None:
                play(journal, self._app, told)
                self._file = journal.open("a", encoding="utf-8")
            bound.listen(128)
            self._server = make_server(
                "127.0.0.1",
                self._port,
                self._answer,
                threaded=True,
                request_handler=MotoRequestHandler,
                fd=bound.fileno(),  # of which it makes a copy
            )
        self._server.daemon_threads = True  # type: ignore[attr-defined]

    @property
    def endpoint(self) -> str:
        """The URL that clients are given."""
        return f"http://127.0.0.1:{self._port}"

    def serve(self) -> None:
        """Answer requests until `stop` is called."""
        self._server.serve_forever(poll_interval=0.1)

    def start(self) -> None:
        """Answer requests in a thread."""
        threading.Thread(target=self.serve, name="local store", daemon=True).start()

    def stop(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
        if self._file is not None:
            self._file.close()
        if self._own is not None:
            self._own.close()

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        with self._lock:
            entry = _entry(environ, body) if self._file is not None and _changes(environ) else None
            parts, status, headers = run_wsgi_app(self._app, environ, buffered=True)
            answer = list(parts)
            if entry is not None and self._file is not None and status.startswith("2"):
                self._file.write(entry + "\n")
                self._file.flush()
        start_response(status, list(headers))
        return answer


def _bound(port: int) -> socket.socket:
    """A socket that has the port and does not listen yet. Raises OSError where it is taken."""
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(("127.0.0.1", port))
    except OSError as error:
        bound.close()
        raise OSError(f"port {port} of 127.0.0.1: {error.strerror}") from None
    return bound


def _changes(environ: dict[str, Any]) -> bool:
    """Whether a request may change something."""
    target: str = environ.get("HTTP_X_AMZ_TARGET", "")
    if target:
        return not target.rpartition(".")[2].startswith(READS)
    return environ["REQUEST_METHOD"] not in ("GET", "HEAD", "OPTIONS")


def _entry(environ: dict[str, Any], body: bytes) -> str:
    """A request as a line of the journal."""
    headers = [
        (name.removeprefix("HTTP_").replace("_", "-"), value)
        for name, value in environ.items()
        if name.startswith("HTTP_") or name == "CONTENT_TYPE"
    ]
    told = {
        "method": environ["REQUEST_METHOD"],
        "path": environ["PATH_INFO"],
        "query": environ["QUERY_STRING"],
        "headers": headers,
        "body": b64encode(body).decode(),
    }
    return json.dumps(told)
