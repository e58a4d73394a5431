"""AWS's own runtime client with a handler in a process of its own, against a stub of Lambda's runtime API.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PREFIX = "/2018-06-01/runtime/"
SECONDS = 300  # for a handler to answer on a busy machine, its import included


class Function:
    """A running handler."""

    def __init__(self) -> None:
        self.events: queue.Queue[dict[str, Any]] = queue.Queue()
        self.answers: queue.Queue[tuple[str, Any]] = queue.Queue()

    def invoke(self, event: dict[str, Any]) -> Any:
        """What the handler answers to an event. Raises RuntimeError with what it raised."""
        self.events.put(event)
        kind, answer = self.answers.get(timeout=SECONDS)
        if kind != "response":
            raise RuntimeError(answer)
        return answer

    def call(self, method: str, path: str, body: Any = None, *, signed: bool = False) -> tuple[int, Any]:
        """A request as an HTTP API hands it over (payload format 2.0); status and JSON of the answer."""
        route, _, query = path.partition("?")
        context: dict[str, Any] = {
            "http": {
                "method": method,
                "path": route,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "t",
            },
            "stage": "$default",
            "requestId": "r",
        }
        if signed:
            context["authorizer"] = {"iam": {"userArn": "arn:aws:iam::123456789012:user/tester"}}
        event = {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": route,
            "rawQueryString": query,
            "headers": {"content-type": "application/json", "host": "api"},
            "requestContext": context,
            "isBase64Encoded": False,
            **({"body": json.dumps(body)} if body is not None else {}),
        }
        answer = self.invoke(event)
        return answer["statusCode"], json.loads(answer["body"])


@contextmanager
def running(handler: str, environment: Mapping[str, str]) -> Iterator[Function]:
    """A handler under the runtime client, for as long as the context lasts."""
    function = Function()
    stopped = threading.Event()

    class Api(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            event = None
            while event is None and not stopped.is_set():
                try:
                    event = function.events.get(timeout=0.2)
                except queue.Empty:
                    continue
            self.answer(200, json.dumps(event).encode(), {"Lambda-Runtime-Aws-Request-Id": "r"})

        def do_POST(self) -> None:
            told = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"null")
            function.answers.put((self.path.rpartition("/")[2], told))
            self.answer(202, b"{}", {})

        def answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
            """One packet: the client reads no further than the first."""
            fixed = {
                "Content-Type": "application/json",
                "Content-Length": str(len(body)),
                "Lambda-Runtime-Deadline-Ms": "9999999999999",
                "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:123456789012:function:f",
            }
            lines = [f"HTTP/1.1 {status} OK", *(f"{name}: {value}" for name, value in {**fixed, **headers}.items())]
            self.wfile.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    variables = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "PYTHONPATH": "src",
        "STRATAGEM_PLAIN": "1",  # as on Lambda, where no numba is
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}",
        **environment,
    }
    process = subprocess.Popen([sys.executable, "-m", "awslambdaric", handler], env=variables)
    try:
        yield function
    finally:
        stopped.set()
        process.kill()
        process.wait()
        server.shutdown()
        server.server_close()
