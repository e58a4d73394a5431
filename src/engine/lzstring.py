"""LZString's ``compressToUint8Array`` and back, the wrapping of a ``.gior`` replay.

LZString is an LZ78 whose code width grows with its dictionary. Values are written least significant bit first into
16-bit words that fill from their most significant bit, and the words are stored big-endian; with the bits of every
byte reversed, the stream is a plain little-endian bit string, which is how it is handled here.

No package on PyPI both has these two functions and is kept, and none bounds what a hostile file may expand to.
"""

import sys
from array import array

MAX_COMPRESSED = 4 << 20
"""Longest stream that is decompressed, in bytes (a large game's is some 40 KB)."""
MAX_TEXT = 8 << 20
"""Longest text that a stream may expand to, in UTF-16 code units (a large game's is some 500 KB)."""

_UTF16 = "utf-16-le" if sys.byteorder == "little" else "utf-16-be"
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_CHAR8, _CHAR16, _END = 0, 1, 2
"""The codes that announce a new character of 8 or of 16 bits, and the end."""


def decompress(data: bytes, max_text: int = MAX_TEXT) -> str:
    """Text of a stream written by LZString's ``compressToUint8Array``.

    Every dictionary entry is one earlier piece of the text plus the character after it, so an entry is kept as a place
    in the text: memory stays within a few times ``max_text``, whatever the stream.

    Args:
        data: the stream, at most ``MAX_COMPRESSED`` bytes.
        max_text: most UTF-16 code units that the text may have.

    Raises:
        ValueError: the stream is empty, too long, cut short, refers to an entry that it never made, or expands too far.
    """
    if not data:
        raise ValueError("LZString stream is empty")
    if len(data) > MAX_COMPRESSED:
        raise ValueError(f"LZString stream has {len(data)} bytes; at most {MAX_COMPRESSED} are accepted")
    bits = data.translate(_REVERSED) + bytes(8)
    end_of_bits = 8 * len(data)
    text = array("H")
    starts, lengths = array("I", [0, 0, 0]), array("I", [0, 0, 0])  # the first three codes are no entries
    width, room = 2, 1  # bits of a code; codes until it grows
    previous, previous_length = 0, 0  # the piece written last
    position = 0
    while True:
        code = (int.from_bytes(bits[position >> 3 : (position >> 3) + 5], "little") >> (position & 7)) & (
            (1 << width) - 1
        )
        position += width
        if code == _END:
            if position > end_of_bits:
                raise ValueError(f"LZString stream is cut short after {len(data)} bytes")
            return text.tobytes().decode(_UTF16, "surrogatepass")
        here = len(text)
        if code <= _CHAR16:
            char_bits = 8 << code
            text.append(
                (int.from_bytes(bits[position >> 3 : (position >> 3) + 3], "little") >> (position & 7))
                & ((1 << char_bits) - 1)
            )
            position += char_bits
            starts.append(here)
            lengths.append(1)
            room -= 1
            if room == 0:
                room = 1 << width
                width += 1
        elif code < len(starts):
            start = starts[code]
            text.extend(text[start : start + lengths[code]])
        elif code == len(starts) and here:
            text.extend(text[previous:here])
            text.append(text[previous])
        else:
            raise ValueError(
                f"LZString stream is damaged: code {code} at bit {position}, where {len(starts)} are known"
            )
        if position > end_of_bits:
            raise ValueError(f"LZString stream is cut short after {len(data)} bytes")
        if len(text) > max_text:
            raise ValueError(f"LZString stream expands to more than {max_text} characters")
        if here:
            starts.append(previous)
            lengths.append(previous_length + 1)
            room -= 1
            if room == 0:
                room = 1 << width
                width += 1
        else:
            width, room = 3, 4
        previous, previous_length = here, len(text) - here


def compress(text: str) -> bytes:
    """Stream that LZString's ``compressToUint8Array`` writes for ``text``, byte for byte."""
    units = array("H", text.encode(_UTF16, "surrogatepass"))
    bits = _BitWriter()
    codes: dict[int, int] = {}  # (code of a piece) << 16 | next character -> code of the longer piece
    characters: dict[int, int] = {}
    unwritten: set[int] = set()  # characters whose first use is still to be written
    size, width, room = 3, 2, 2
    piece, piece_character = 0, -1  # code of the piece read so far; its character while it is only one

    def write() -> None:
        nonlocal width, room
        if piece_character in unwritten:
            unwritten.remove(piece_character)
            wide = piece_character > 0xFF
            bits.write(_CHAR16 if wide else _CHAR8, width)
            bits.write(piece_character, 16 if wide else 8)
            room -= 1
            if room == 0:
                room = 1 << width
                width += 1
        else:
            bits.write(piece, width)
        room -= 1
        if room == 0:
            room = 1 << width
            width += 1

    for unit in units:
        if unit not in characters:
            characters[unit] = size
            unwritten.add(unit)
            size += 1
        if not piece:
            piece, piece_character = characters[unit], unit
            continue
        longer = codes.get(piece << 16 | unit)
        if longer is not None:
            piece, piece_character = longer, -1
            continue
        write()
        codes[piece << 16 | unit] = size
        size += 1
        piece, piece_character = characters[unit], unit
    if piece:
        write()
    bits.write(_END, width)
    return bits.stream()


class _BitWriter:
    """Collects values least significant bit first."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._pending = 0
        self._count = 0

    def write(self, value: int, width: int) -> None:
        """Append the ``width`` low bits of ``value``."""
        self._pending |= value << self._count
        self._count += width
        while self._count >= 8:
            self._bytes.append(self._pending & 0xFF)
            self._pending >>= 8
            self._count -= 8

    def stream(self) -> bytes:
        """Everything written, padded as LZString pads: with at least one zero bit, to whole 16-bit words."""
        size = (8 * len(self._bytes) + self._count) // 16 * 2 + 2
        padded = bytes(self._bytes) + self._pending.to_bytes(2, "little")
        return padded[:size].ljust(size, b"\0").translate(_REVERSED)
