"""Files of games: ``.gior``, ``.gioreplay``, ``.json`` and ``.jsonl`` (a game a line), each also ``.gz``.

The games are the site's replays; as JSON also records, which tell games that no replay can (the competition's).

Reading is bounded whatever a file holds: one game at a time is in memory, compressed data is expanded piece by piece
and only so far, and every failure is a ReplayError.
"""

import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from engine.lzstring import MAX_COMPRESSED
from engine.record import Record
from engine.record_codec import is_record, record_from_value
from engine.replay_checks import MAX_TEXT, ReplayError, load_json
from engine.replays import Replay, decode_gior, parse_replay

__all__ = ["read_games", "read_replay", "read_replays"]

_CHUNK = 1 << 16
_FREE_EXPANSION = 16 << 20
_MAX_BLANK_LINES = 1000
_MAX_RATIO = 200  # beyond that much free text, no more than so many bytes of text a byte of gz; real games: 4 to 10

Progress = Callable[[int], None]
"""Called with the number of bytes of the file that have been read so far."""


def read_games(path: str | os.PathLike[str], progress: Progress | None = None) -> Iterator[Replay | Record]:
    """Every game of a file, one by one, as the file has it.

    The name decides how it is read: ``.gior``, ``.gioreplay``, ``.json`` or ``.jsonl``, then perhaps ``.gz``.

    Raises:
        ReplayError: the file cannot be opened or read, or a game in it is damaged or not supported; the message begins
            with the file's name, and with the line's number in a ``.jsonl``.
    """
    name = Path(path).name.lower().removesuffix(".gz")
    kind = next((kind for kind in (".gior", ".gioreplay", ".json", ".jsonl") if name.endswith(kind)), None)
    if kind is None:
        raise ReplayError(f"{path}: unknown kind of file; accepted: .gior, .gioreplay, .json, .jsonl, each also .gz")
    line = 0
    try:
        if Path(path).exists() and not Path(path).is_file():  # a pipe or a device could block or never end
            raise ReplayError("not a regular file")
        with open(path, "rb") as file:
            pieces = _pieces(file, progress)
            if kind != ".jsonl":
                data = _whole(pieces, MAX_COMPRESSED if kind == ".gior" else MAX_TEXT)
                yield decode_gior(data) if kind == ".gior" else _game(data)
                return
            for number, text in _lines(pieces):
                line = number
                yield _game(text)
            if not line:
                raise ReplayError("file holds no game; at least one line is needed")
    except ReplayError as error:
        where = f"{path}:{line}" if line else f"{path}"
        raise ReplayError(f"{where}: {error}") from None
    except OSError as error:
        raise ReplayError(f"{path}: {(error.strerror or str(error)).lower()}") from None


def read_replays(path: str | os.PathLike[str], progress: Progress | None = None) -> Iterator[Replay]:
    """Every game of a file of the site's replays. Raises ReplayError as `read_games` does, and for a record."""
    for game in read_games(path, progress):
        if isinstance(game, Record):
            raise ReplayError(f"{path}: game {game.id!r} is a record; accepted: the site's replays")
        yield game


def read_replay(path: str | os.PathLike[str]) -> Replay:
    """The first game of a file of the site's replays. Raises ReplayError as `read_replays` does."""
    return next(read_replays(path))


def _game(text: bytes) -> Replay | Record:
    value = load_json(text)
    return record_from_value(value) if is_record(value) else parse_replay(value)


def _pieces(file: BinaryIO, progress: Progress | None) -> Iterator[bytes]:
    """The file's bytes, expanded if they are gz (by their magic number, as the name may lie)."""
    gz = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    inflate = zlib.decompressobj(wbits=31)
    expanded = 0
    while chunk := file.read(_CHUNK):
        if progress is not None:
            progress(file.tell())
        if not gz:
            yield chunk
            continue
        while chunk:
            if inflate.eof:  # another member follows, as `cat a.gz b.gz` makes
                inflate = zlib.decompressobj(wbits=31)
            try:
                piece = inflate.decompress(chunk, 4 * _CHUNK)
            except zlib.error as error:
                raise ReplayError(f"gz data is damaged: {str(error).split(': ')[-1]}") from None
            expanded += len(piece)
            if expanded > _FREE_EXPANSION + _MAX_RATIO * file.tell():
                raise ReplayError(f"gz data expands more than {_MAX_RATIO} times; a replay's expands some 10 times")
            yield piece
            chunk = inflate.unused_data if inflate.eof else inflate.unconsumed_tail
    if gz and not inflate.eof:
        raise ReplayError("gz data is cut short")


def _whole(pieces: Iterator[bytes], limit: int) -> bytes:
    """All bytes of a file that holds one game."""
    data = bytearray()
    for piece in pieces:
        data += piece
        if len(data) > limit:
            raise ReplayError(f"file holds more than {limit} bytes; at most that many are accepted for one replay")
    return bytes(data)


def _lines(pieces: Iterator[bytes]) -> Iterator[tuple[int, bytes]]:
    """The numbered lines that are not blank."""
    rest = b""
    number = blank = 0
    for piece in pieces:
        lines = (rest + piece).split(b"\n")
        rest = lines.pop()
        for text in lines:
            number += 1
            if text and not text.isspace():
                yield number, text
                continue
            blank += 1
            if blank > _MAX_BLANK_LINES:
                raise ReplayError(f"file has more than {_MAX_BLANK_LINES} blank lines; a game is expected in each line")
        if len(rest) > MAX_TEXT:
            raise ReplayError(f"line {number + 1} is longer than {MAX_TEXT} bytes; at most that many are accepted")
    if rest and not rest.isspace():
        yield number + 1, rest
