"""The opening: which lines to draw from the general, so that the most land is held at turn 50, when it first grows.

Until an enemy is met nothing happens but what the seat does, so whole plans can be played out: PLANS of them, each by a
taste of its own, and the first move of the best is played. Tastes are drawn from the place of the general alone: what
was the best plan is nearly always among those of the next turn, and nothing needs to be remembered.

A plan waits until LAUNCH, when half of all that grows until turn 50 stands on the general; sends all of it along tiles
that nobody holds, as far as it goes; and then whatever stands on the general again. The hunter's opening comes to
22.6 tiles at turn 50, this one to 24.0, of 25 that can be (docs/log.md, 2026-11-29).
"""

from engine.actions import PASS
from engine.arrays import Int32
from engine.board import MINE, UNOWNED
from engine.bots.desk import (
    FAR,
    FIRST_MOVE,
    GOAL_WAY,
    HOME,
    HOME_WAY,
    LAND,
    LINK,
    MAIN_ARMY,
    NOWHERE,
    PLACES,
    PULL,
    QUEUE,
    STRIDE,
    TURN,
    WORDS,
    map_at,
    move_to,
    shift,
)
from engine.bots.sight import army_in, exits_in, is_passable, kind_in, relation_in
from engine.chance import draw
from engine.compile import inlined, kernel
from engine.tiles import CITY, DESERT, SWAMP

PLANS = 16
LAUNCH = 24  # turn of the first line
GROWTH = 50  # turn at which land grows
OUTWARD = 2  # how much a tile is liked for each step from home,
LEADS_ON = 4  # where a line can go on from it,
TASTES = 8  # and by taste, below so much
WALK = 4  # and how much less for each step over own land
BARREN = 8  # deserts, which do not grow

# What a plan knows of a place, in MARKS: it cannot be entered, can be taken, is held; above, which plan took it.
CLOSED, FREE, HELD = range(3)
MARKS, DEPTH, ORIGIN = GOAL_WAY, LINK, PULL  # maps that are free


@kernel
def mark_places(desk: Int32) -> None:
    """Fill in MARKS."""
    words, marks = map_at(desk, WORDS), map_at(desk, MARKS)
    for p in range(int(desk[PLACES])):
        word = int(desk[words + p])
        relation, kind = relation_in(word), kind_in(word)
        mark = CLOSED
        if relation == MINE:
            mark = HELD
        elif relation == UNOWNED and is_passable(word) and kind != CITY and kind != SWAMP and army_in(word) == 0:
            mark = FREE
        desk[marks + p] = mark


@inlined
def is_free(desk: Int32, p: int, plan: int) -> bool:
    """Whether a place can still be taken within a plan."""
    mark = int(desk[map_at(desk, MARKS) + p])
    return mark != CLOSED and mark != HELD and mark != HELD + 1 + plan


@kernel
def find_entry(desk: Int32, p: int, plan: int) -> int:
    """The direction in which a plan likes best to take a place beside `p`, plus 4 times how much; -FAR for none."""
    stride = int(desk[STRIDE])
    best = -FAR
    for direction in range(4):
        q = p + shift(direction, stride)
        if is_free(desk, q, plan):
            liking = OUTWARD * int(desk[map_at(desk, HOME_WAY) + q])
            liking += (draw(int(desk[HOME]), (plan << 16) | q) * TASTES) >> 32
            if kind_in(int(desk[map_at(desk, WORDS) + q])) == DESERT:
                liking -= BARREN
            for onward in range(4):
                if is_free(desk, q + shift(onward, stride), plan):
                    liking += LEADS_ON
                    break
            best = max(best, 4 * liking + direction)
    return best


@kernel
def find_gate(desk: Int32, start: int, plan: int) -> int:
    """The place of own land from which an army at `start` should leave it, or NOWHERE.

    DEPTH holds steps over own land, ORIGIN the place before.
    """
    depth, origin, queue, marks = map_at(desk, DEPTH), map_at(desk, ORIGIN), map_at(desk, QUEUE), map_at(desk, MARKS)
    stride = int(desk[STRIDE])
    for p in range(int(desk[PLACES])):
        desk[depth + p] = NOWHERE
    desk[depth + start] = 0
    desk[queue] = start
    head, tail, most, gate = 0, 1, -FAR, NOWHERE
    while head < tail:
        p = int(desk[queue + head])
        head += 1
        entry = find_entry(desk, p, plan)
        if entry > -FAR and (entry >> 2) - WALK * int(desk[depth + p]) > most:
            most, gate = (entry >> 2) - WALK * int(desk[depth + p]), p
        for direction in range(4):
            q = p + shift(direction, stride)
            mark = int(desk[marks + q])
            if (mark == HELD or mark == HELD + 1 + plan) and int(desk[depth + q]) == NOWHERE:
                desk[depth + q] = int(desk[depth + p]) + 1
                desk[origin + q] = p
                desk[queue + tail] = q
                tail += 1
    return gate


@kernel
def step_towards(desk: Int32, start: int, gate: int) -> int:
    """The first move of the army at `start` on the way that `find_gate` found."""
    origin = map_at(desk, ORIGIN)
    stride = int(desk[STRIDE])
    p = gate
    while int(desk[origin + p]) != start:
        p = int(desk[origin + p])
    action = PASS
    for direction in range(4):
        if start + shift(direction, stride) == p:
            action = move_to(start, direction, 0, stride)
    return action


@inlined
def grown(turn: int) -> int:
    """What the general grows by when a turn begins."""
    return 1 - (turn & 1)


@kernel
def play_plan(desk: Int32, plan: int, line: int, army: int) -> int:
    """How much land a plan takes until turn 50; FIRST_MOVE is then its move of this turn.

    line: place of the army that is under way, or NOWHERE. army: how many they are.
    """
    words, marks = map_at(desk, WORDS), map_at(desk, MARKS)
    stride, home = int(desk[STRIDE]), int(desk[HOME])
    now, guard, taken = int(desk[TURN]), army_in(int(desk[words + home])), 0
    turn = now
    desk[FIRST_MOVE] = PASS
    while turn < GROWTH:
        if line == NOWHERE:
            if guard < 2:
                turn += 1
                guard += grown(turn)
                continue
            line, army, guard = home, guard, 1
        entry = find_entry(desk, line, plan) if line != home and turn > now else -FAR
        if entry == -FAR:
            gate = find_gate(desk, line, plan)
            if gate == NOWHERE:
                break
            if gate != line:
                if turn == now:
                    desk[FIRST_MOVE] = step_towards(desk, line, gate)
                for _ in range(int(desk[map_at(desk, DEPTH) + gate])):
                    turn += 1
                    guard += grown(turn)
                line = gate
                continue
            entry = find_entry(desk, line, plan)
        if turn == now:
            desk[FIRST_MOVE] = move_to(line, entry & 3, 0, stride)
        line += shift(entry & 3, stride)
        if kind_in(int(desk[words + line])) != DESERT:
            taken += 1
        desk[marks + line] = HELD + 1 + plan
        army -= 1
        turn += 1
        guard += grown(turn)
        if army < 2:
            line = NOWHERE
    return taken


@kernel
def find_line(desk: Int32) -> int:
    """The place of the largest army that can move, the general's aside, or NOWHERE."""
    words = map_at(desk, WORDS)
    most, place = 1, NOWHERE
    for p in range(int(desk[PLACES])):
        word = int(desk[words + p])
        if relation_in(word) == MINE and exits_in(word) != 0 and p != int(desk[HOME]) and army_in(word) > most:
            most, place = army_in(word), p
    return place


@kernel
def open_by_plan(desk: Int32) -> int:
    """The first move of the best plan; HOME_WAY is filled in already. Before turn 50, while no enemy is in sight."""
    if int(desk[TURN]) < LAUNCH and int(desk[LAND]) == 1 and int(desk[MAIN_ARMY]) <= LAUNCH // 2:
        return PASS
    mark_places(desk)
    line = find_line(desk)
    army = 0 if line == NOWHERE else army_in(int(desk[map_at(desk, WORDS) + line]))
    most, action = -1, PASS
    for plan in range(PLANS):
        taken = play_plan(desk, plan, line, army)
        if taken > most:
            most, action = taken, int(desk[FIRST_MOVE])
    return action
