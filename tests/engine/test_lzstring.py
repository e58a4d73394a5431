"""LZString against streams of the JavaScript library (lz-string 1.5.0), and against hostile ones."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.lzstring import MAX_COMPRESSED, compress, decompress

# What lz-string 1.5.0's compressToUint8Array makes of each text.
STREAMS = {
    "": "4000",
    "a": "2190",
    "aa": "21b20000",
    "hello hello hello": "0585303660f6004a13729000",
    "é€😀é€😀": "25e1a824bc1b8007ba940000",
    "\ud800x": "8006c0f20000",
    "a" * 100: "218d7c6574edff480000",
    '[13,"id",18,21]': "368460cc034044096026508801c1013080ba4000",
}


@pytest.mark.parametrize("text", STREAMS, ids=range(len(STREAMS)))
def test_streams_equal_those_of_the_javascript_library(text):
    stream = bytes.fromhex(STREAMS[text])
    assert compress(text) == stream
    assert decompress(stream) == text


@given(st.text() | st.text("ab,[]0", max_size=2000))
def test_round_trip(text):
    assert decompress(compress(text)) == text


def test_the_file_of_the_site_round_trips_byte_for_byte(replays):
    stream = (replays / "ffa_v5.gior").read_bytes()
    text = decompress(stream)
    assert text.startswith('[5,"')
    assert compress(text) == stream


def test_a_stream_cut_anywhere_is_refused():
    stream = compress('[5,"Hc3zUXn8g",24,24,["J","muri"],[83,77],[179,416,80]]' * 4)
    for length in range(len(stream) - 1):
        with pytest.raises(ValueError, match="LZString stream"):
            decompress(stream[:length])


@given(st.binary(max_size=400))
def test_any_bytes_give_a_text_or_a_refusal(data):
    try:
        message = f"LZString stream is {decompress(data)}"
    except ValueError as error:
        message = str(error)
    assert message.startswith("LZString stream")


def test_a_stream_that_expands_too_far_is_refused_soon():
    bomb = compress("a" * 2_000_000)
    assert len(bomb) < 4000
    begin = time.perf_counter()
    with pytest.raises(ValueError, match="expands to more than 1000000 characters"):
        decompress(bomb, max_text=1_000_000)
    assert time.perf_counter() - begin < 2


def test_a_stream_that_is_too_long_is_refused_unread():
    with pytest.raises(ValueError, match=f"at most {MAX_COMPRESSED}"):
        decompress(bytes(MAX_COMPRESSED + 1))
