"""Records: the same game from a replay, from bytes, from JSON, at every turn; and real games against their boards."""

import random
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engine.small_replay import small

from engine.batch import GameBatch
from engine.board import ALIVE, AWAY, OUT
from engine.game import Game
from engine.layout import Layout
from engine.maps import MapSpec
from engine.playback import SURRENDER
from engine.record import Record, Result, layout_of
from engine.replay_files import read_replay, read_replays
from engine.replays import ReplayError, decode_gior, parse_replay
from engine.rulesets import RULESETS

FREE_FOR_ALLS = (
    "2on1_general",
    "3way_action",
    "capture_during_surrender",
    "city_battling",
    "multi_surrender",
    "run_of_the_mill",
    "samet_chain",
    "short_game",
)


def duel(moves, afks=(), version=13, **changes):
    """The record of a game on one row of five tiles: general of seat 0, three plains, general of seat 1."""
    fields = {
        "version": version,
        "width": 5,
        "height": 1,
        "generals": [0, 4],
        "moves": moves,
        "afks": list(afks),
        "cities": [],
        "city_armies": [],
        "mountains": [],
        "neutrals": [],
        "neutral_armies": [],
        "swamps": [],
        "deserts": [],
    }
    return Record.from_replay(parse_replay(small(**{**fields, **changes})))


def board(game):
    """A one-row board as words: the owner's letter and the armies."""
    return " ".join(
        f"{'AB'[owner] if owner >= 0 else '.'}{army}"
        for owner, army in zip(game.owners.ravel(), game.armies.ravel(), strict=True)
    )


def random_game(seed, ruleset="generalsio", turns=80):
    """A record, and the boards of the game it was made of, turn by turn."""
    rng = random.Random(seed)
    height, width = rng.randint(2, 8), rng.randint(2, 8)
    seats = 2 if ruleset == "competition" else rng.randint(2, min(6, height * width))
    tiles = np.array([rng.choice((0, 0, 0, 0, -2, 12)) for _ in range(height * width)])
    tiles[rng.sample(range(height * width), seats)] = np.arange(1, seats + 1)
    teams = [rng.randrange(3) for _ in range(seats)] if rng.random() < 0.3 else []
    layout = Layout.from_tiles(tiles.reshape(height, width), teams if len(set(teams)) > 1 else [])
    game = Game(ruleset, layout)
    boards, actions, surrenders = [(game.owners, game.armies)], [], []
    top = (9 if ruleset == "competition" else 8) * height * width
    while game.winner is None and game.turn < turns:
        seat = rng.randrange(seats)
        if rng.random() < 0.02:
            surrenders.append((game.turn, seat))
            game.surrender(seat)
        codes = np.zeros(seats, np.int32)
        for s in range(seats):
            own = np.flatnonzero(game.owners.ravel() == s)
            if own.size and rng.random() < 0.9:
                codes[s] = 1 + rng.choice(own.tolist()) * 8 + rng.randrange(8)
            elif rng.random() < 0.3:
                codes[s] = rng.choice((-1, rng.randint(1, top)))
        actions.append(codes)
        game.step_actions(codes)
        boards.append((game.owners, game.armies))
    gone = np.array(surrenders, np.int32).reshape(-1, 2)
    names = tuple(f"bot {s}" for s in range(seats))
    record = Record.from_actions(RULESETS[ruleset], layout, np.array(actions), gone, id=f"game {seed}", names=names)
    return record, boards, game


# --- playing ---


def test_a_duel_turn_by_turn():
    record = duel([[0, 0, 1, 0, 2], [1, 4, 3, 0, 2], [0, 1, 2, 0, 3]])
    shown = [board(record.at(turn)) for turn in range(5)]
    assert shown == [
        "A1 .0 .0 .0 B1",
        "A1 .0 .0 .0 B1",
        "A2 .0 .0 .0 B2",
        "A1 A1 .0 B1 B1",
        "A2 A1 .0 B1 B2",
    ]
    assert record.result() == Result(turns=4, winner=None, ended="unfinished", invalid=1)  # the third: one army stays


def test_how_games_end():
    march = [[0, 0, 1, 0, 10], [0, 1, 2, 0, 11], [0, 2, 3, 0, 12], [0, 3, 4, 0, 50]]
    assert duel(march, [[1, 8]]).result() == Result(9, 0, "afk", 4)  # all four moves come after the end
    assert duel([[1, 4, 3, 0, 4], *march[:1]], [[1, 20]]).result() == Result(21, 0, "surrender", 0)
    assert duel(march[:2]).result() == Result(12, None, "unfinished", 0)
    assert duel(march[:2], [[0, 11], [1, 11]]).result().ended == "draw"
    assert duel([], generals=[0, None]).result() == Result(0, 0, "afk", 0)
    assert duel([]).result() == Result(0, None, "unfinished", 0)
    taken = duel([[0, 0, 1, 0, 30], [0, 1, 2, 0, 31], [0, 2, 3, 0, 32], [1, 4, 3, 0, 29], [0, 3, 4, 0, 34]])
    assert taken.result().ended == "unfinished"
    strong = duel(
        [[0, 0, 1, 0, 90], [0, 1, 2, 0, 91], [0, 2, 3, 0, 92], [0, 3, 4, 0, 93]],
        cities=[1],
        city_armies=[-100],
    )
    assert strong.result() == Result(94, 0, "capture", 0)


def test_a_move_undone_by_an_earlier_one_of_its_turn_is_not_invalid():
    # Head on: the blow of the larger army comes first and leaves the other none to strike with.
    march = [[0, 0, 1, 0, 20], [1, 4, 3, 0, 20], [1, 3, 2, 0, 21], [0, 1, 2, 0, 22], [1, 2, 1, 0, 22]]
    record = duel(march, version=15)
    assert board(record.at(22)) == "A2 A10 B9 B1 B2"
    assert board(record.at(23)) == "A2 A1 B0 B1 B2"
    assert record.result().invalid == 0
    assert duel([[0, 0, 1, 0, 0]]).result().invalid == 1


def test_the_turn_of_a_surrender_is_played():
    record = duel([[1, 4, 3, 0, 5], [0, 0, 1, 0, 7]], [[1, 7]])
    assert record.turns == 8
    assert board(record.play()) == "A2 A3 .0 B2 B3"
    assert record.play().winner == 0


def test_the_second_event_of_a_seat_gives_up_its_land():
    record = Record.from_replay(
        parse_replay(
            small(
                width=3,
                height=1,
                generals=[0, 1, 2],
                usernames=["a", "b", "c"],
                stars=[],
                colours=[],
                cities=[],
                city_armies=[],
                mountains=[],
                neutrals=[],
                neutral_armies=[],
                swamps=[],
                deserts=[],
                moves=[],
                afks=[[1, 4], [1, 6], [0, 8]],
            )
        )
    )
    assert [record.at(turn).status[1] for turn in (4, 5, 6, 7)] == [ALIVE, AWAY, AWAY, OUT]
    assert record.at(7).owners.tolist() == [[0, -1, 2]]
    assert record.at(7).cities.tolist() == [[False, True, False]]
    assert record.result() == Result(9, 2, "afk", 0)


def test_moves_out_of_order_are_played_as_the_site_s_player_does():
    late = duel([[0, 0, 1, 0, 5], [1, 4, 3, 0, 4]])
    assert late.events[:, 0].tolist() == [5, 5]
    queue = duel([[0, 0, 1, 0, 6], [0, 1, 2, 0, 6], [0, 2, 3, 0, 6]])
    assert queue.events[:, 0].tolist() == [6, 7, 8]
    assert queue.result().invalid == 0


@pytest.mark.parametrize("ruleset", RULESETS)
@pytest.mark.parametrize("seed", range(6))
def test_record_equals_game(ruleset, seed):
    record, boards, game = random_game(seed, ruleset)
    owners, armies = record.boards()
    assert owners.dtype == np.int8
    assert armies.dtype == np.int32
    assert len(owners) == len(armies) == len(boards) == record.turns + 1
    for turn, (owner, army) in enumerate(boards):
        np.testing.assert_array_equal(owners[turn].reshape(owner.shape), owner)
        np.testing.assert_array_equal(armies[turn].reshape(army.shape), army)
    assert record.result().winner == game.winner == record.winner
    assert record.result().invalid == game.invalid
    assert np.array_equal(record.play().row, game.row)


def test_jumps_in_any_order_give_the_board_of_that_turn():
    record, boards, game = random_game(3, turns=400)
    turns = list(range(record.turns + 1))
    random.Random(0).shuffle(turns)
    for turn in turns:
        there = record.at(turn)
        assert there.turn == turn
        np.testing.assert_array_equal(there.armies, boards[turn][1])
        there.step([None] * there.seats)  # what a caller does with it changes nothing here
    assert np.array_equal(record.at(record.turns).row, game.row)
    for turn in (-1, record.turns + 1):
        with pytest.raises(ValueError, match=f"turn is {turn}; accepted: 0 to {record.turns}"):
            record.at(turn)


def test_boards_come_in_pieces_that_fit_in_memory(monkeypatch):
    record, boards, _ = random_game(5)
    monkeypatch.setattr("engine.record.CHUNK_BYTES", 7 * 5 * record.layout.kinds.size)
    chunks = list(record.board_chunks())
    assert [len(owners) for owners, _ in chunks][:3] == [1, 7, 7]
    assert sum(len(owners) for owners, _ in chunks) == len(boards)


def test_a_game_may_begin_at_a_later_turn():
    layout = Layout.from_tiles([[1, 0, 2]])
    actions = np.zeros((3, 2), np.int32)
    actions[1, 0] = 1 + 3 * 2  # right from tile 0
    record = Record.from_actions(RULESETS["classic"], layout, actions, start=48)
    assert (record.start, record.turns) == (48, 51)
    assert [board(record.at(turn)) for turn in (48, 49, 50, 51)] == [
        "A1 .0 B1",
        "A1 .0 B1",
        "A3 .0 B3",
        "A3 .0 B3",
    ]
    assert len(record.boards()[0]) == 4
    assert Record.from_bytes(record.to_bytes()) == record


def test_a_record_plays_wild_actions_as_a_batch_does():
    batch = GameBatch("generalsio", 1, 4, board=MapSpec.plain(4, 4, mountains=0.0, cities=0), autoreset="off")
    batch.reset()
    layout, rng = layout_of(batch.game(0)), np.random.default_rng(3)
    played = []
    for _ in range(60):
        actions = batch.bot_actions("random").astype(np.int64)
        wild = rng.random((1, 2)) < 0.4
        actions[wild] = rng.choice([-2, -3, -(2**40), 2**32 + 1, 9 * 16, 9 * 16 + 1, 2**31 - 1], wild.sum())
        batch.step(actions)
        played.append(actions[0])
    record = Record.from_actions(batch.ruleset, layout, np.array(played))
    assert record.turns == 60
    np.testing.assert_array_equal(record.play().armies, batch.game(0).armies)
    np.testing.assert_array_equal(record.play().owners, batch.game(0).owners)
    assert record.result().invalid == batch.game(0).invalid


def test_teams_are_part_of_a_games_map():
    board = MapSpec.plain(6, 6, mountains=0.0, cities=0)
    for teams, kept in (((0, 1, 0, 1), (0, 1, 0, 1)), ((), ())):
        batch = GameBatch("generalsio", 1, 4, board=board.vary(teams=teams), seats=4, autoreset="off", max_turns=100)
        batch.reset()
        layout, played = layout_of(batch.game(0)), []
        assert layout.teams == kept
        for _ in range(100):
            played.append(batch.bot_actions("expander")[0])
            batch.step(played[-1][None])
        record = Record.from_actions(batch.ruleset, layout, np.array(played))
        np.testing.assert_array_equal(record.play().armies, batch.game(0).armies)


# --- bytes, JSON, replays ---


@pytest.mark.parametrize("ruleset", RULESETS)
@given(seed=st.integers(0, 10**6))
@settings(max_examples=15)
def test_bytes_and_json_round_trip(ruleset, seed):
    record, _, _ = random_game(seed, ruleset, turns=30)
    for again in (Record.from_bytes(record.to_bytes()), Record.from_json(record.to_json())):
        assert again == record
        assert hash(again) == hash(record)
        assert again.ruleset == record.ruleset
        assert (again.id, again.names, again.turns, again.winner) == (
            record.id,
            record.names,
            record.turns,
            record.winner,
        )
        np.testing.assert_array_equal(again.events, record.events)
        np.testing.assert_array_equal(again.layout.kinds, record.layout.kinds)


def test_what_is_written_can_be_read_again():
    layout = Layout.from_tiles([[1, 0, 2]], teams=(2**31 - 1, 1001))
    record = Record(RULESETS["classic"], layout, np.empty((0, 3), np.int32), 9, id="x" * 200, names=("a" * 200, "b"))
    assert Record.from_bytes(record.to_bytes()) == record == Record.from_json(record.to_json())
    for changes in ({"id": "x" * 201}, {"names": ("a", "b" * 201)}):
        with pytest.raises(ReplayError, match="has 201 characters; at most 200 are accepted"):
            Record(RULESETS["classic"], layout, np.empty((0, 3), np.int32), 9, **changes)
    turns = np.arange(180_000, dtype=np.int32)
    events = np.stack([turns, turns % 2, np.full_like(turns, -1)], axis=1)
    long = Record(RULESETS["classic"], layout, events, 180_000)
    assert Record.from_bytes(long.to_bytes()) == long
    with pytest.raises(ReplayError, match="values; at most 700000 are accepted"):
        long.to_json()
    with pytest.raises(ReplayError, match="game has 1000001 events; at most 1000000 are accepted"):
        Record(RULESETS["classic"], layout, np.resize(events, (1_000_001, 3)), 180_000)


def test_rules_that_are_none_are_refused_in_a_record():
    record = random_game(0)[0]
    for name, value in (("deathtouch_turn", 5), ("turn_limit", -1), ("both_move", 1)):
        with pytest.raises(ReplayError, match=f"ruleset's {name} is "):
            Record.from_json(re.sub(rf'"{name}":\w+', f'"{name}":{value}', record.to_json()))


def test_a_game_of_some_600_moves_takes_about_a_kilobyte():
    rng = random.Random(1)
    at, moves = [0, 399], []
    for turn in range(600):
        seat = turn % 2
        row, column = divmod(at[seat], 20)
        ends = [(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)]
        end = rng.choice([r * 20 + c for r, c in ends if 0 <= r < 20 and 0 <= c < 20])
        moves.append([seat, at[seat], end, 0, turn])
        at[seat] = end
    record = duel(moves, width=20, height=20, generals=[0, 399])
    assert len(record.to_bytes()) < 1100


@pytest.mark.parametrize("version", [3, 5, 8, 14, 15, 16, 18])
def test_a_replay_tells_the_same_record(version):
    record = Record.from_replay(parse_replay(small(version=version)))
    replay = record.to_replay()
    assert Record.from_replay(replay) == record
    assert replay.generals.tolist() == [0, 8]
    assert replay.neutral_armies.tolist() == [7]
    assert replay.deserts.tolist() == [6]
    assert replay.moves.tolist() == [[0, 0, 1, 0, 2], [1, 8, 7, 1, 4], [0, 0, 3, 0, 6]]
    assert replay.afks.tolist() == [[1, 9]]


def test_what_no_replay_can_tell_is_refused():
    competition, _, _ = random_game(0, "competition")
    with pytest.raises(ReplayError, match='ruleset "competition" with its options is that of no replay version'):
        competition.to_replay()
    layout = Layout.from_tiles([[1, 0, 2]])
    late = Record(RULESETS["classic"], layout, np.empty((0, 3), np.int32), turns=9, start=5)
    with pytest.raises(ReplayError, match="game begins at turn 5"):
        late.to_replay()
    rich = Layout(layout.kinds, layout.armies * 3, layout.owners, layout.generals)
    with pytest.raises(ReplayError, match="tile 0 has an owner and armies"):
        Record(RULESETS["classic"], rich, np.empty((0, 3), np.int32), turns=0).to_replay()


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([[0, 0]], "events are int32 of shape (1, 2)"),
        ([[0, 2, 1]], "event 0 has seat 2; accepted: 0 to 1"),
        ([[-1, 0, 1]], "event 0 has turn -1"),
        ([[0, 0, 1], [1, 0, 28]], "event 1 has code 28; accepted: -2 to 27"),
        ([[0, 0, 0]], "code 0, a pass"),
        ([[1, 0, 1], [0, 0, 1]], "events go back in time"),
        ([[1, 0, 1], [1, 0, 2]], "a seat has two actions in one turn"),
    ],
)
def test_events_are_checked(events, message):
    layout = Layout.from_tiles([[1, 0, 2]])
    with pytest.raises(ReplayError, match=re.escape(message)):
        Record(RULESETS["classic"], layout, np.array(events, np.int32), turns=5)


def test_a_game_that_would_take_minutes_or_leave_32_bits_is_refused():
    with pytest.raises(ReplayError, match="armies; at most 200000000 are accepted"):
        duel([[0, 0, 1, 0, 200_000]], width=180, height=180, swamps=list(range(5, 30_000)))
    with pytest.raises(ReplayError, match="armies add up to 20000000002"):
        duel([], width=200, height=101, cities=list(range(5, 20_005)), city_armies=[1_000_000] * 20_000)


def refusal(read, data):
    """The message of a refusal, or None; anything but a record or a one-line ReplayError fails."""
    try:
        record = read(data)
    except ReplayError as error:
        return str(error)
    assert isinstance(record, Record)
    return None


def test_damaged_bytes_are_read_or_refused():
    record, _, _ = random_game(2, "competition")
    data = record.to_bytes()
    for length in range(len(data)):
        assert refusal(Record.from_bytes, data[:length])
    assert "followed by other data" in refusal(Record.from_bytes, data + b"x")
    rng = random.Random(4)
    for _ in range(300):
        damaged = bytearray(data)
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        message = refusal(Record.from_bytes, bytes(damaged))
        assert message is None or "\n" not in message


def test_damaged_json_is_read_or_refused():
    record, _, _ = random_game(2, "competition", turns=20)
    text = record.to_json()
    for length in range(0, len(text), 7):
        assert refusal(Record.from_json, text[:length])
    rng = random.Random(5)
    for _ in range(300):
        place = rng.randrange(len(text))
        damaged = text[:place] + rng.choice("0129-.eE,[]{}\"'nt ") + text[place + 1 :]
        message = refusal(Record.from_json, damaged)
        assert message is None or "\n" not in message
    assert "format 'stratagem record'" in refusal(Record.from_json, "[]")
    assert "record format 2 is unknown" in refusal(Record.from_json, text.replace('"version":1', '"version":2'))
    assert "castle_price is True" in refusal(Record.from_json, text.replace('"castle_price":35', '"castle_price":true'))
    assert "ruleset's options differ in ['castle_cost'" in refusal(
        Record.from_json, text.replace("castle_price", "castle_cost")
    )


# --- real games ---


@pytest.mark.parametrize("name", FREE_FOR_ALLS)
def test_every_board_of_a_free_for_all_is_as_expected(replays, name):
    record = Record.from_replay(read_replay(replays / f"ffa_{name}_a.json.gz"))
    with np.load(replays / f"ffa_{name}_a.expected.npz") as expected:
        wanted = {key: expected[key] for key in expected.files}
    owners, armies = record.boards()
    for index, turn in enumerate(wanted["turns"]):
        np.testing.assert_array_equal(owners[turn], wanted["owner"][index])
        np.testing.assert_array_equal(armies[turn], wanted["army"][index])
        np.testing.assert_array_equal(record.at(turn).cities.ravel(), wanted["city"][index])
    np.testing.assert_array_equal(owners[-1], wanted["end_owner"])
    np.testing.assert_array_equal(armies[-1], wanted["end_army"])
    assert record.turns == wanted["end_turn"]
    assert [status == ALIVE for status in record.play().status] == wanted["alive"].tolist()
    assert record.result().invalid == 0
    died, fell = deaths_and_falls(record)
    assert died == set(map(tuple, wanted["deaths"].tolist()))
    fallen = {(turn, victim): captor for turn, captor, victim in wanted["captures"].tolist()}
    assert fell.keys() == fallen.keys()
    for (turn, victim), tile in fell.items():
        captor = fallen[turn, victim]
        while (turn, captor) in fallen:  # who was himself taken in the same turn
            captor = fallen[turn, captor]
        assert owners[turn + 1, tile] == captor


def deaths_and_falls(record):
    """Turn and seat of each capture or first surrender; turn and seat of each captured general, with its tile."""
    game = Game(record.ruleset, record.layout, observed=False)
    died, fell = set(), {}
    for turn in range(record.turns):
        status, generals = game.status, game.generals
        codes = np.zeros(game.seats, np.int32)
        given_up = set()
        for _, seat, code in record.events[record.events[:, 0] == turn].tolist():
            if code == SURRENDER:
                game.surrender(seat)
                given_up.update([seat] if status[seat] == AWAY else [])
            else:
                codes[seat] = code
        game.step_actions(codes)
        for seat in range(game.seats):
            if status[seat] == ALIVE != game.status[seat]:
                died.add((turn, seat))
            if generals[seat] >= 0 > game.generals[seat] and seat not in given_up:
                fell[turn, seat] = generals[seat]
    return died, fell


def test_every_human_duel_is_played_without_an_invalid_move_to_the_end_of_its_file(replays):
    ends = {"capture": 0, "surrender": 0, "afk": 0}
    for replay in read_replays(replays / "human_1v1_v13.jsonl.gz"):
        record = Record.from_replay(replay)
        result = record.result()
        assert result.invalid == 0, replay.id
        assert result.winner in (0, 1), replay.id
        assert result.turns == record.events[-1, 0] + 1, replay.id
        ends[result.ended] += 1
    assert ends == {"capture": 2813, "surrender": 964, "afk": 71}


def test_the_game_of_version_5_ends_by_capture(replays):
    record = Record.from_replay(decode_gior((replays / "ffa_v5.gior").read_bytes()))
    assert record.result() == Result(turns=646, winner=4, ended="capture", invalid=0)
    assert record.ruleset.city_regrowth
