"""What maps to draw: specifications as data, with presets for the site, the competition and small boards.

Source of the site's formulas: RULES.md, "Map generation of the site", and 3,848 recorded games.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engine.arrays import Int32
from engine.board import MAX_SEATS, MAX_TILES

MILLION = 1_000_000
SIDE_STEP = 4  # boards that hold maps of several sizes have sides that are multiples of this

# Indices into `MapSpec.integers()`.
(
    MAP_HEIGHT_LEAST,  # in halves
    MAP_HEIGHT_SPREAD,
    MAP_WIDTH_LEAST,
    MAP_WIDTH_SPREAD,
    MAP_SKEWED,
    MAP_MOUNTAINS_LEAST,  # parts per million of the area
    MAP_MOUNTAINS_SPREAD,
    MAP_OVERLAPPING,
    MAP_CITIES_LEAST,
    MAP_CITIES_SPREAD,
    MAP_ARMY_LEAST,
    MAP_ARMY_SPREAD,
    MAP_CITY_REACH,
    MAP_CITY_CHOICE,
    MAP_APART,
    MAP_APART_WALKING,
    MAP_APART_MOST,
    MAP_TEAMS,  # MAX_SEATS of them
) = range(18)


@dataclass(frozen=True)
class MapSpec:
    """What maps to draw; ranges are (least, most), both included. Raises ValueError for what no map can have.

    U is a number drawn evenly from [0, 1), anew for each use.
    """

    name: str
    heights: tuple[float, float]  # rows; halves are allowed where sides are skewed
    widths: tuple[float, float]  # columns
    skewed: bool = False  # sides are round(least + U * U * (most - least)); else each length is as likely
    mountains: tuple[float, float] = (0.15, 0.15)  # share of the area, any value between as likely
    overlapping: bool = False  # mountains are drawn one on another, so there are fewer
    cities: tuple[int, int] = (2, 2)  # how many
    city_armies: tuple[int, int] = (40, 50)  # round(least + U * (most - least))
    city_reach: int = 0  # each general has a city at most this far away (Manhattan); 0: cities lie anywhere
    city_choice: int = 4  # of so many places a city takes the one most like a city of the other seats; 1: any place
    apart: int = 1  # least Manhattan distance of generals
    apart_walking: int = 1  # least number of steps from general to general, not through cities
    teams: tuple[int, ...] = ()  # team of each seat; empty: everybody for themselves
    apart_most: int = 0  # largest Manhattan distance of generals, where there is a place; 0: any

    def __post_init__(self) -> None:
        for what, (least, most) in (("heights", self.heights), ("widths", self.widths)):
            if not 1 <= least <= most or (2 * least) % 1 or (2 * most) % 1:
                raise ValueError(f"{what} of the map are {least} to {most}; accepted: whole numbers or halves from 1")
            if not self.skewed and (least % 1 or most % 1):
                raise ValueError(f"{what} of the map are {least} to {most}; halves are for skewed sides only")
        if self.board_height * self.board_width > MAX_TILES:
            raise ValueError(
                f"the map needs a board of {self.board_height}x{self.board_width}; accepted: {MAX_TILES} tiles"
            )
        for what, (least, most), limit in (
            ("mountains", self.mountains, 0.9),
            ("cities", self.cities, MAX_TILES),
            ("city_armies", self.city_armies, 32767),
        ):
            if not 0 <= least <= most <= limit:
                raise ValueError(f"{what} of the map are {least} to {most}; accepted: 0 to {limit}, least first")
        if not 1 <= self.city_choice <= 64:
            raise ValueError(f"city_choice of the map is {self.city_choice}; accepted: 1 to 64")
        for what, value in (
            ("city_reach", self.city_reach),
            ("apart", self.apart),
            ("apart_walking", self.apart_walking),
            ("apart_most", self.apart_most),
        ):
            if not 0 <= value <= MAX_TILES:
                raise ValueError(f"{what} of the map is {value}; accepted: 0 to {MAX_TILES}")
        if len(self.teams) > MAX_SEATS or any(not 0 <= team < MAX_SEATS for team in self.teams):
            raise ValueError(f"teams of the map are {self.teams}; accepted: up to {MAX_SEATS} of 0 to {MAX_SEATS - 1}")

    @property
    def board_height(self) -> int:
        """Rows of the board that holds every such map."""
        return _board_side(self.heights, self.skewed)

    @property
    def board_width(self) -> int:
        """Columns of that board."""
        return _board_side(self.widths, self.skewed)

    def vary(self, **options: Any) -> "MapSpec":
        """The same maps with some options changed; an unknown option raises TypeError."""
        return replace(self, **options)

    def check_seats(self, seats: int) -> None:
        """Raise ValueError where a map may be too small for that many seats, or names another number of teams."""
        room = int(self.heights[0] + 0.5) * int(self.widths[0] + 0.5)
        if not 1 <= seats <= min(room, MAX_SEATS):
            raise ValueError(f'seats is {seats}; accepted on map "{self.name}": 1 to {min(room, MAX_SEATS)}')
        if self.teams and len(self.teams) != seats:
            raise ValueError(f'map "{self.name}" names {len(self.teams)} teams for {seats} seats; accepted: one a seat')

    def check_sides(self, seats: int) -> None:
        """Raise ValueError where nobody plays against anybody: such a game is won before it begins."""
        if seats < 2:
            raise ValueError(f"seats is {seats}; a game is played by 2 and more")
        if self.teams and len(set(self.teams)) < 2:
            raise ValueError(f"teams of the map are {self.teams}, one team alone; accepted: two and more")

    def integers(self) -> Int32:
        """The specification as the int32 that `draw_map` reads, in the order of the `MAP_*` indices."""
        words = np.zeros(MAP_TEAMS + MAX_SEATS, np.int32)
        for at, (least, most) in ((MAP_HEIGHT_LEAST, self.heights), (MAP_WIDTH_LEAST, self.widths)):
            if self.skewed:
                words[at : at + 2] = 2 * least, 2 * (most - least)
            else:
                words[at : at + 2] = 2 * least - 1, 2 * (most - least + 1)
        words[MAP_SKEWED] = self.skewed
        mountains = [round(MILLION * share) for share in self.mountains]
        words[MAP_MOUNTAINS_LEAST : MAP_MOUNTAINS_SPREAD + 1] = mountains[0], mountains[1] - mountains[0]
        words[MAP_OVERLAPPING] = self.overlapping
        words[MAP_CITIES_LEAST : MAP_CITIES_SPREAD + 1] = self.cities[0], self.cities[1] - self.cities[0]
        words[MAP_ARMY_LEAST : MAP_ARMY_SPREAD + 1] = self.city_armies[0], self.city_armies[1] - self.city_armies[0]
        words[MAP_CITY_REACH] = self.city_reach
        words[MAP_CITY_CHOICE] = self.city_choice
        words[MAP_APART : MAP_APART_MOST + 1] = self.apart, self.apart_walking, self.apart_most
        words[MAP_TEAMS:] = range(MAX_SEATS)
        words[MAP_TEAMS : MAP_TEAMS + len(self.teams)] = self.teams
        return words

    @classmethod
    def plain(
        cls,
        height: int,
        width: int,
        *,
        name: str = "plain",
        mountains: float = 0.15,
        cities: int = 2,
        apart: int | None = None,
        **options: Any,
    ) -> "MapSpec":
        """Maps of one size, from 2x2 up; generals keep a third of the half circumference apart where they can."""
        return cls(
            name,
            (height, height),
            (width, width),
            mountains=(mountains, mountains),
            cities=(cities, cities),
            apart=(height + width) // 3 if apart is None else apart,
            **options,
        )

    @classmethod
    def site(cls, seats: int = 2, teams: tuple[int, ...] = ()) -> "MapSpec":
        """The site's maps for that many players."""
        sides = len(set(teams)) or seats
        least = 16 + min(8, seats) + 0.5 * max(0, seats - 6)
        return cls(
            "site",
            (least, least + 4 + seats / 2),
            (least, least + 4 + seats / 2),
            skewed=True,
            mountains=(0.20, 0.28),
            overlapping=True,
            cities=(5 + 2 * seats + 1, 5 + 3 * seats),  # 5 + n * (2 + U), rounded up
            city_choice=4 * (seats - 1) or 1,  # so many
            city_reach=6,  # so in every recorded game
            apart=max(90, 9 * (18 - sides)) // 10 + 1,
            teams=teams,
        )


def _board_side(sides: tuple[float, float], skewed: bool) -> int:
    """The longest side; where maps have several sizes, rounded up."""
    longest = int(sides[1] + 0.5) - (skewed and sides[1] % 1 == 0.5 and sides[1] > sides[0])  # U stays below 1
    return longest if sides[0] == sides[1] else -(-longest // SIDE_STEP) * SIDE_STEP


MAPS = {
    "site": MapSpec.site(),
    "competition": MapSpec("competition", (18, 21), (18, 21), mountains=(0.24, 0.26), cities=(0, 0), apart_walking=17),
    "small": MapSpec.plain(8, 8, name="small", mountains=0.1).vary(cities=(1, 2)),
}


def find_map(board: "str | MapSpec", seats: int = 2) -> MapSpec:
    """Maps by name, made for that many seats, or the specification itself. Raises ValueError where it cannot be."""
    if isinstance(board, str):
        if board not in MAPS:
            raise ValueError(f'map "{board}" is unknown; known: {", ".join(MAPS)}')
        board = MapSpec.site(seats) if board == "site" else MAPS[board]
    if not isinstance(board, MapSpec):
        raise ValueError(f"board is {board!r}; accepted: a MapSpec, or one of {', '.join(MAPS)}")
    board.check_seats(seats)
    return board
