"""What is told of settings of `stratagem serve`, `actor` and `learn` that cannot be."""

import socket

import pytest
from click.testing import CliRunner

from stratagem.cli import main


def refused(monkeypatch: pytest.MonkeyPatch, arguments: list[str], **environment: str) -> str:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2, result.output
    (line,) = result.output.splitlines()
    return line


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["serve", "--listen", "127.0.0.1:99999"], 'listen is "127.0.0.1:99999"; accepted: HOST:PORT'),
        (["serve", "--listen", "here"], 'listen is "here"; accepted: HOST:PORT'),
        (["serve", "--metrics", "foo"], 'metrics is "foo"; accepted: HOST:PORT'),
        (["learn", "--metrics", "foo"], 'metrics is "foo"; accepted: HOST:PORT'),
        (["actor", "--metrics", "foo"], 'metrics is "foo"; accepted: HOST:PORT'),
    ],
)
def test_addresses_that_are_none(monkeypatch: pytest.MonkeyPatch, arguments: list[str], told: str) -> None:
    assert refused(monkeypatch, arguments).startswith(f"stratagem: {told}")


@pytest.mark.parametrize("command", ["serve", "actor", "learn"])
def test_settings_that_cannot_be(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    told = refused(monkeypatch, [command], STRATAGEM_MAX_MESSAGE="abc")
    assert told == 'stratagem: STRATAGEM_MAX_MESSAGE is "abc"; accepted: int'
    told = refused(monkeypatch, [command], STRATAGEM_MAX_MESSAGE="4096", STRATAGEM_TLS_CERTIFICATE="nowhere.pem")
    assert told == "stratagem: of tls_certificate and tls_key one is set; accepted: both or none"


def test_an_actors_metrics_where_another_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        told = refused(monkeypatch, ["actor", "--metrics", address])
        assert told.startswith(f"stratagem: metrics {address}: Address already in use")
