"""A second implementation of the game: slow, plain dicts and lists, written from the text of the rules alone.

It shares no code with the engine and no tricks either: what a seat sees is looked up anew for every tile after every
turn, orders of moves are sorted lists, and a turn reads as the rules do. Tests play both and compare.
"""

IMPASSABLE = {"mountain", "lookout", "observatory"}
LOOKS_LIKE_OBSTACLE = {"mountain", "city", "lookout", "observatory"}
STEPS = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}


class Reference:
    """A game under the rules of a replay version (3 to 18), or of the "competition"."""

    def __init__(self, version, kinds, armies, owners, generals, *, teams=None, turn=0, memory=True):
        """kinds (rows of names), armies, owners (rows of numbers, -1 neutral), generals: tile of each seat or -1."""
        self.version = version
        self.height, self.width = len(kinds), len(kinds[0])
        self.tiles = [(row, column) for row in range(self.height) for column in range(self.width)]
        self.kind = {(r, c): kinds[r][c] for r, c in self.tiles}
        self.army = {(r, c): int(armies[r][c]) for r, c in self.tiles}
        self.owner = {(r, c): int(owners[r][c]) for r, c in self.tiles}
        self.generals = [None if tile < 0 else divmod(int(tile), self.width) for tile in generals]
        self.seats = range(len(generals))
        self.team = list(teams) if teams else list(self.seats)
        self.status = ["alive" if general else "out" for general in self.generals]
        self.turn = turn
        self.winner = None
        self.remembers = memory
        self.memory = [{} for _ in self.seats]
        self.posts = [tile for tile in self.tiles if self.kind[tile] in ("lookout", "observatory")]
        self.end_if_decided()
        self.look_around()

    # What the board says.

    def number(self, tile):
        return tile[0] * self.width + tile[1]

    def tile(self, number):
        return divmod(number, self.width)

    def land(self, seat):
        return [tile for tile in self.tiles if self.owner[tile] == seat]

    def total(self, seat):
        return sum(self.army[tile] for tile in self.land(seat))

    def allied(self, seat, other):
        return other >= 0 and self.team[seat] == self.team[other]

    def neighbours(self, tile):
        for row, column in STEPS.values():
            if (tile[0] + row, tile[1] + column) in self.kind:
                yield tile[0] + row, tile[1] + column

    def is_valid(self, seat, move):
        """Whether a move (start, end, half) could be played at this moment."""
        start, end, _ = move
        return (
            self.status[seat] == "alive"
            and start in self.kind
            and end in self.kind
            and end in self.neighbours(start)
            and self.kind[end] not in IMPASSABLE
            and self.owner[start] == seat
            and self.army[start] > 1
        )

    # One turn.

    def surrender(self, seat):
        """A surrender or AFK event; all of a turn's come before its moves, and the turn is played to its end."""
        if self.winner is not None:
            return
        if self.status[seat] == "alive":
            self.status[seat] = "away"
        elif self.status[seat] == "away":
            self.status[seat] = "out"
            mates = [mate for mate in self.seats if self.allied(seat, mate) and self.status[mate] == "alive"]
            for tile in self.land(seat):
                self.owner[tile] = mates[0] if mates else -1
            self.lose_general(seat)
            self.look_around()

    def step(self, moves):
        """One turn of moves, one a seat: None, (start, end, half) with tile numbers, or ("build", tile)."""
        if self.winner is not None:
            return
        moves = [self.read(move) for move in moves]
        if self.version == "competition":
            self.play_competition(moves)
        else:
            self.play_site(moves)
        self.look_around()

    def read(self, move):
        if move is None:
            return None
        if move[0] == "build":
            return "build", self.tile(move[1])
        return self.tile(move[0]), self.tile(move[1]), bool(move[2])

    def grow(self):
        for tile in self.tiles:
            kind = self.kind[tile]
            owned = self.owner[tile] >= 0
            if self.turn % 2 == 0:
                if owned and kind in ("general", "city"):
                    self.army[tile] += 1
                if not owned and kind == "city" and self.army[tile] < 40 and self.regrows():
                    self.army[tile] += 1
                if owned and kind == "swamp":
                    self.army[tile] -= 1
                    if self.army[tile] <= 0:
                        self.army[tile] = 0
                        self.owner[tile] = -1
            if self.turn % 50 == 0 and self.owner[tile] >= 0 and kind != "desert":
                self.army[tile] += 1

    def regrows(self):
        return self.version != "competition" and self.version < 6

    def end_if_decided(self):
        alive = [seat for seat in self.seats if self.status[seat] == "alive"]
        if not alive:
            self.winner = -1
        elif len({self.team[seat] for seat in alive}) == 1:
            self.winner = alive[0]

    def lose_general(self, seat):
        if self.generals[seat]:
            self.kind[self.generals[seat]] = "city"
        self.generals[seat] = None

    # The site's moves.

    def play_site(self, moves):
        self.pending = {
            seat: move
            for seat, move in enumerate(moves)
            if move and move[0] != "build" and self.status[seat] == "alive"
        }
        for seat in self.site_order():
            if seat in self.pending:
                move = self.pending.pop(seat)
                if self.is_valid(seat, move):
                    self.play_site_move(seat, move)
        self.turn += 1
        self.grow()
        self.end_if_decided()

    def site_order(self):
        by_index = sorted(self.pending)
        if self.version < 5:
            return by_index
        if self.turn % 2 == 1:
            by_index.reverse()
        if self.version < 15:
            return by_index
        return self.priority_order(by_index)

    def priority_order(self, by_index):
        """Yield seats one by one: the moves still pending decide who is next."""
        in_earnest = {seat for seat in by_index if self.is_valid(seat, self.pending[seat])}
        ranks = {}
        for place, seat in enumerate(by_index):
            start, end, _ = self.pending[seat]
            if start in self.kind and end in self.kind:
                friendly = self.allied(seat, self.owner[end])
                on_general = not friendly and end in self.generals
                ranks[seat] = (0 if friendly else 2 if on_general else 1, -self.army[start], place)
            else:
                del self.pending[seat]
        while self.pending:
            waiting = sorted(self.pending, key=ranks.get)
            free = [seat for seat in waiting if not self.is_awaited(seat, in_earnest)]
            yield (free or waiting)[0]

    def is_awaited(self, seat, in_earnest):
        """Whether another pending move is aimed at this one's start, a head-on swap excepted.

        A move that was invalid when the turn began holds nobody up, though it is played if its moment makes it valid.
        """
        start, end, _ = self.pending[seat]
        return any(
            other != seat and other in in_earnest and move[1] == start and move[0] != end
            for other, move in self.pending.items()
        )

    def marching(self, move):
        start, _, half = move
        return self.army[start] // 2 if half else self.army[start] - 1

    def play_site_move(self, seat, move):
        start, end, _ = move
        marching = self.marching(move)
        self.army[start] -= marching
        if self.owner[end] == seat:
            self.army[end] += marching
        elif self.allied(seat, self.owner[end]):
            self.army[end] += marching
            if end not in self.generals:
                self.owner[end] = seat
        elif marching <= self.army[end]:
            self.army[end] -= marching
        else:
            victim = self.owner[end]
            self.army[end] = marching - self.army[end]
            self.owner[end] = seat
            if end in self.generals:
                self.take_general(seat, victim)

    def take_general(self, seat, victim):
        answer = self.pending.pop(victim, None)
        if self.version >= 16 and answer and answer[1] == self.generals[seat] and self.is_valid(victim, answer):
            marching = self.marching(answer)
            if marching > self.army[answer[1]]:
                self.trade_generals(seat, victim, answer, marching)
                return
        self.halve_over(self.land(victim), seat)
        self.lose_general(victim)
        self.status[victim] = "out"

    def trade_generals(self, seat, victim, answer, marching):
        start, end, _ = answer
        self.army[start] -= marching
        self.army[end] = marching - self.army[end]
        mine = [tile for tile in self.land(seat) if tile not in (end, self.generals[victim])]
        theirs = self.land(victim)
        self.owner[end] = victim
        self.halve_over(mine, victim)
        self.halve_over(theirs, seat)
        self.generals[seat], self.generals[victim] = self.generals[victim], self.generals[seat]

    def halve_over(self, tiles, seat):
        for tile in tiles:
            self.owner[tile] = seat
            self.army[tile] = (self.army[tile] + 1) // 2

    # The competition's moves.

    def castle_price(self, seat, tile):
        price = 35
        for other in self.land(seat):
            if self.kind[other] in ("city", "general"):
                price += max(0, 14 - 2 * (abs(tile[0] - other[0]) + abs(tile[1] - other[1])))
        return price

    def can_build(self, seat, tile):
        return (
            self.version == "competition"
            and self.status[seat] == "alive"
            and self.owner.get(tile) == seat
            and self.kind[tile] == "plain"
            and self.army[tile] >= self.castle_price(seat, tile)
        )

    def play_competition(self, moves):
        for seat, move in enumerate(moves):
            if move and move[0] == "build" and self.can_build(seat, move[1]):
                self.army[move[1]] -= self.castle_price(seat, move[1])
                self.kind[move[1]] = "city"
        marches = {seat: move for seat, move in enumerate(moves) if move and move[0] != "build"}
        marches = {seat: move for seat, move in marches.items() if self.is_valid(seat, move)}
        winners = set()
        for seat in self.competition_order(marches):
            if self.is_valid(seat, marches[seat]) and self.play_competition_move(seat, marches[seat]):
                winners.add(seat)
        self.turn += 1
        if len(winners) == 2:
            self.winner = -1
        elif winners:
            (self.winner,) = winners
            loser = 1 - self.winner
            for tile in self.land(loser):
                self.owner[tile] = self.winner
            self.lose_general(loser)
            self.status[loser] = "out"
        else:
            self.grow()
            if self.turn >= 1200:
                self.winner = -1

    def competition_order(self, marches):
        if len(marches) < 2:
            return list(marches)
        chases = [seat for seat in (0, 1) if marches[seat][1] == marches[1 - seat][0]]
        if len(chases) == 1:
            return [chases[0], 1 - chases[0]]
        gathers = [seat for seat in (0, 1) if self.owner[marches[seat][1]] == seat]
        if len(gathers) == 1:
            return [gathers[0], 1 - gathers[0]]
        return sorted((0, 1), key=lambda seat: self.army[marches[seat][0]])

    def play_competition_move(self, seat, move):
        """Whether the move takes the enemy's general, or touches it when touching is enough."""
        start, end, _ = move
        marching = self.marching(move)
        self.army[start] -= marching
        if self.owner[end] == seat:
            self.army[end] += marching
            return False
        takes = marching > self.army[end]
        self.army[end] = abs(self.army[end] - marching)
        if takes:
            self.owner[end] = seat
        return end == self.generals[1 - seat] and (takes or self.turn >= 800)

    # What a seat sees and may do.

    def is_in_sight(self, seat, tile):
        return any(self.watches(seat, other) for other in self.around(tile)) or self.is_seen_from_afar(seat, tile)

    def watches(self, seat, tile):
        return tile in self.kind and self.allied(seat, self.owner[tile])

    def around(self, tile):
        return [(tile[0] + row, tile[1] + column) for row in (-1, 0, 1) for column in (-1, 0, 1)]

    def is_seen_from_afar(self, seat, tile):
        """A lookout beside own land shows three tiles around itself; an observatory eight in line beyond it."""
        for post in self.posts:
            rows, columns = tile[0] - post[0], tile[1] - post[1]
            if self.kind[post] == "lookout" and max(abs(rows), abs(columns)) <= 3:
                if any(self.watches(seat, other) for other in self.around(post)):
                    return True
            if self.kind[post] == "observatory" and (rows == 0) != (columns == 0) and abs(rows + columns) <= 8:
                row, column = (rows > 0) - (rows < 0), (columns > 0) - (columns < 0)
                if self.watches(seat, (post[0] - row, post[1] - column)):
                    return True
        return False

    def look_around(self):
        """Only what is in sight once a turn is over is seen, and remembered."""
        self.visible = [{tile for tile in self.tiles if self.is_in_sight(seat, tile)} for seat in self.seats]
        for seat in self.seats:
            for tile in self.visible[seat]:
                self.memory[seat][tile] = self.kind[tile]

    def through_fog(self, tile):
        """What anybody can tell of a tile that is out of sight."""
        return "obstacle" if self.kind[tile] in LOOKS_LIKE_OBSTACLE else "plain"

    def known_kind(self, seat, tile):
        if tile in self.visible[seat]:
            return self.kind[tile]
        shown = self.through_fog(tile)
        if not self.remembers or tile not in self.memory[seat]:
            return shown
        remembered = self.memory[seat][tile]
        if shown == "obstacle" and remembered not in LOOKS_LIKE_OBSTACLE:
            return "city"  # nothing else ever rises where none was
        return remembered

    def sees(self, seat, tile):
        """(in sight, owner or -1, kind as known, seen at some time, army) of a tile for a seat."""
        seen = self.remembers and tile in self.memory[seat]
        if tile not in self.visible[seat]:
            return False, -1, self.known_kind(seat, tile), seen, 0
        return True, self.owner[tile], self.kind[tile], self.remembers, self.army[tile]

    def legal(self, seat):
        """All legal actions of a seat but passing: (start, end) whether half or not, and ("build", tile)."""
        moves = set()
        for tile in self.tiles:
            for end in self.neighbours(tile):
                if self.is_valid(seat, (tile, end, False)):
                    moves.add((self.number(tile), self.number(end)))
            if self.can_build(seat, tile):
                moves.add(("build", self.number(tile)))
        return moves
