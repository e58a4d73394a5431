"""A fragment played again is what the actor saw, bit for bit; what is no fragment is refused."""

from contextlib import suppress
from functools import cache
from typing import NamedTuple

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.fragment import Recorder, Replayed, Replayer, check, memory_of
from actors.setup import Setup
from engine.batch import GameBatch
from engine.board import RUNNING, TURN, WINNER
from engine.compile import OneThread
from engine.maps import MapSpec
from engine.rewards import Shaping
from engine.rulesets import RULESETS
from services.stubs.replay_pb2 import Fragment

GAMES = 6
FIRST, COUNT = 2, 3  # the fragment holds games 2 to 4 of the batch
SHAPING = Shaping(0.3, 0.2, 0.1, 0.97)
SETUPS = {
    "site": Setup.of("generalsio", "site", seed=11, max_turns=60, shaping=SHAPING),
    "small, never truncated": Setup.of("classic", MapSpec.plain(4, 4, cities=1), seed=2**61 + 5),
    "competition": Setup.of("competition", "competition", seed=3, max_turns=45, autoreset="same"),
    "castles": Setup.of(RULESETS["competition"].vary(castle_price=3, turn_limit=40), MapSpec.plain(6, 5), seed=8),
    "four seats, same": Setup.of("generalsio", "site", 4, seed=7, max_turns=40, autoreset="same", shaping=SHAPING),
    "teams": Setup.of("generalsio", MapSpec.plain(9, 7, teams=(0, 1, 0, 1)), 4, seed=1, max_turns=50),
    "cities grow back": Setup.of(RULESETS["classic"].vary(city_regrowth=True), "small", seed=4, max_turns=55),
    "no autoreset": Setup.of("generalsio", "small", seed=6, max_turns=70, autoreset="off"),
}


class Seen(NamedTuple):
    """What an actor saw and got of a fragment: the arrays of `Replayed` as the batch told them."""

    fragment: Fragment
    expected: Replayed
    log_probs: np.ndarray
    values: np.ndarray


def play(setup: Setup, turns: int, fragments: int, learners: tuple[int, ...], seed: int = 0) -> list[Seen]:
    """Fragments of random play, mostly legal moves, one after the other."""
    batch, rng = setup.batch(GAMES), np.random.default_rng(seed)
    batch.reset()
    recorder = Recorder(setup, batch, "actor-1", learners, first=FIRST, games=COUNT)
    with OneThread():
        return [play_on(setup, batch, recorder, rng, turns) for _ in range(fragments)]


def play_on(setup: Setup, batch: GameBatch, recorder: Recorder, rng: np.random.Generator, turns: int) -> Seen:
    """The next fragment."""
    chosen, seats = slice(FIRST, FIRST + COUNT), list(recorder.learners)
    looks: list[tuple[np.ndarray, ...]] = []
    results: list[tuple[np.ndarray, ...]] = []
    log_probs = -9 * rng.random((turns, COUNT, len(seats)))
    values = rng.random((turns + 1, COUNT, len(seats))) - 0.5

    def look() -> None:
        seen, fresh = batch.observe(), batch.view.header[chosen, TURN] == 0
        looks.append((seen.words[chosen][:, seats].copy(), seen.vector[chosen][:, seats].copy(), fresh))

    recorder.begin(policy_version=5)
    for t in range(turns):
        look()
        actions = np.array([[choose(rng, legal) for legal in game] for game in batch.action_masks()], np.int32)
        recorder.add(actions[chosen], log_probs[t], values[t])
        header = batch.view.header[chosen]
        over = header[:, WINNER] != RUNNING
        over |= (setup.max_turns > 0) & (header[:, TURN] >= setup.max_turns)
        _, reward, terminated, truncated, info = batch.step(actions)
        told = (reward[chosen][:, seats], terminated[chosen], truncated[chosen], ~over, info["winner"][chosen])
        results.append(told)
    look()
    expected = Replayed(*map(np.stack, zip(*looks, strict=True)), *map(np.stack, zip(*results, strict=True)))
    return Seen(recorder.finish(values[-1]), expected, log_probs, values)


def choose(rng: np.random.Generator, legal: np.ndarray) -> int:
    """A legal action, seldom a pass, now and then any code there is."""
    codes = np.flatnonzero(legal)
    if rng.random() < 0.05:
        return int(rng.integers(len(legal)))
    return int(codes[-1 - rng.integers(min(len(codes), 12))]) if rng.random() < 0.5 else int(rng.choice(codes))


@pytest.mark.parametrize("name", SETUPS)
@pytest.mark.parametrize("learners", [(0, 1), (1,)])
def test_replays_what_was_seen_bit_for_bit(name: str, learners: tuple[int, ...]) -> None:
    setup, replayer = SETUPS[name], Replayer()
    endings = 0
    for seen in play(setup, 32, 4, learners):
        sent = Fragment.FromString(seen.fragment.SerializeToString())
        got = replayer.replay(sent)
        for field, array, expected in zip(Replayed._fields, got, seen.expected, strict=True):
            assert array.shape == expected.shape, field
            assert array.dtype == expected.dtype, field
            assert array.tobytes() == expected.tobytes(), field
        endings += int(got.terminated.sum() + got.truncated.sum())
        assert check(sent).transitions == 32 * COUNT * len(learners)
        np.testing.assert_array_equal(np.frombuffer(sent.log_probs, "<f2"), seen.log_probs.astype("<f2").ravel())
        np.testing.assert_array_equal(np.frombuffer(sent.values, "<f2"), seen.values.astype("<f2").ravel())
    assert endings  # episodes ended within the fragments, so the next ones' maps were drawn again


@settings(max_examples=12)
@given(seed=st.integers(0, 2**32), turns=st.integers(1, 64), name=st.sampled_from(sorted(SETUPS)))
def test_replays_any_length_of_any_game(seed: int, turns: int, name: str) -> None:
    setup = SETUPS[name]
    for seen in play(setup, turns, 2, (0,), seed):
        for array, expected in zip(Replayer().replay(seen.fragment), seen.expected, strict=True):
            assert array.tobytes() == expected.tobytes()


def test_memory_travels_as_float16() -> None:
    setup = SETUPS["cities grow back"]
    batch = setup.batch(2)
    batch.reset()
    recorder = Recorder(setup, batch, "a", (0, 1))
    memory = np.random.default_rng(0).normal(size=(2, 2, 3, 8, 8)).astype(np.float32)
    recorder.begin(1, memory)
    recorder.add(np.zeros((2, 2), np.int32), np.zeros((2, 2)), np.zeros((2, 2)))
    fragment = recorder.finish(np.zeros((2, 2)), priority=2.5)
    np.testing.assert_array_equal(memory_of(fragment, check(fragment)), memory.astype(np.float16))
    assert fragment.priority == 2.5
    fragment.memory = b""
    assert memory_of(fragment, check(fragment)).shape == (2, 2, 0, 8, 8)


@cache
def small_play() -> Seen:
    return play(SETUPS["cities grow back"], 4, 1, (0, 1))[0]


def small_fragment() -> Fragment:
    return Fragment.FromString(small_play().fragment.SerializeToString())


def packed(content: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(content)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("actor", "", "actor of the fragment is 0; accepted: 1 to 128 characters"),
        ("turns", 5, "actions of the fragment is 48; accepted: 60 bytes"),
        ("turns", 0, "turns of the fragment is 0; accepted: 1 to 1024"),
        ("turns", 2**31 - 1, "turns of the fragment"),
        ("games", -1, "games of the fragment is -1"),
        ("seats", 3, "seats of the fragment is 3; accepted: 2, as the setup says"),
        ("learners", 4, "learners of the fragment is 4; accepted: 1 to 3"),
        ("first_game", -1, "first_game of the fragment is -1"),
        ("actions", b"\xff\x7f" * 24, "actions of the fragment is 32767; accepted: 0 to 512"),
        ("actions", b"\xff\xff" * 24, "actions of the fragment is -1"),
        ("log_probs", b"", "log_probs of the fragment is 0; accepted: 48 bytes"),
        ("values", b"1", "values of the fragment is 1; accepted: 60 bytes"),
        ("setup", "{}", "setup has"),
        ("setup", "[" * 4096, "setup is no JSON"),
        ("setup", "x" * 5000, "setup has 5000 characters"),
        ("start", b"", "position has -1 bytes"),
        ("start", packed(bytes(10)), "position has 10 bytes"),
        ("start", packed(bytes(100_000_000)), "position has 100000000 bytes"),
        ("memory", b"no frame", "memory of the fragment has -1 bytes"),
        ("memory", packed(bytes(100_000_000)), "memory of the fragment has 100000000 bytes"),
        ("memory", packed(b"\x00\x7c" * 384), "memory of the fragment is not finite"),
    ],
)
def test_says_what_is_wrong(field: str, value: object, message: str) -> None:
    fragment = small_fragment()
    setattr(fragment, field, value)
    with pytest.raises(ValueError, match=message):
        Replayer().replay(fragment)


@pytest.mark.parametrize(
    ("at", "value", "message"),
    [
        (0, b"\xff\xff\xff\xff", "position: turn reaches"),
        (4, b"\x02\0\0\0", "position: winner reaches"),
        (16, b"\x09", "position: map's height reaches"),
        (72, b"\x40", "position: general's tile reaches"),
        (72, b"\x3f", "position: generals and the tiles"),
        (96, b"\x09", "position: kind of tile reaches"),
        (96 + 3 * 64, b"\x07", "position: owner reaches"),
    ],
)
def test_a_board_that_cannot_be_is_refused(at: int, value: bytes, message: str) -> None:
    fragment = small_fragment()
    content = bytearray(zstandard.ZstdDecompressor().decompress(fragment.start))
    content[at : at + len(value)] = value
    fragment.start = packed(bytes(content))
    with pytest.raises(ValueError, match=message):
        check(fragment)


@settings(max_examples=60)
@given(data=st.data())
def test_nothing_that_is_sent_breaks_the_engine(data: st.DataObject) -> None:
    """Wrong bytes are refused or played; either way the next fragment is right."""
    fragment, replayer = small_fragment(), Replayer()
    content = bytearray(zstandard.ZstdDecompressor().decompress(fragment.start))
    for at in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=6)):
        content[at] = data.draw(st.integers(0, 255))
    fragment.start = packed(bytes(content))
    text = bytearray(fragment.setup.encode())
    for at in data.draw(st.lists(st.integers(0, len(text) - 1), max_size=2)):
        text[at] = data.draw(st.sampled_from(b"0123456789[]-.e,"))
    fragment.setup = text.decode()
    with suppress(ValueError):
        replayer.replay(fragment)
    seen = small_play()
    assert replayer.replay(seen.fragment).words.tobytes() == seen.expected.words.tobytes()


def test_a_board_with_too_many_actions_is_refused() -> None:
    setup = Setup.of("generalsio", MapSpec.plain(65, 64))
    with pytest.raises(ValueError, match="33281 actions; accepted: up to 32768"):
        Recorder(setup, setup.batch(1), "a", (0,))


@pytest.mark.parametrize("name", SETUPS)
def test_setups_survive_json(name: str) -> None:
    assert Setup.from_json(SETUPS[name].to_json()) == SETUPS[name]
