"""The health check of the images: `health.py grpc PORT`, `health.py http PORT` or `health.py peer`.

grpc   the gRPC health service on this machine says SERVING
http   the metrics on this machine answer
peer   the services at STRATAGEM_SERVER say SERVING: an actor that cannot reach them plays for nothing
"""

import os
import sys
import urllib.request

SECONDS = 4.0


def serving(address: str) -> bool:
    """Whether the services at an address say that they serve."""
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    with grpc.insecure_channel(address) as channel:
        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=SECONDS)
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def main(arguments: list[str]) -> int:
    """Check; the exit status."""
    kind, *rest = arguments
    try:
        if kind == "http":
            with urllib.request.urlopen(f"http://127.0.0.1:{int(rest[0])}/metrics", timeout=SECONDS) as answer:
                return int(answer.status != 200)
        return int(not serving(os.environ["STRATAGEM_SERVER"] if kind == "peer" else f"127.0.0.1:{int(rest[0])}"))
    except Exception as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
