"""A generated replay of two players on nine tiles, as the site would write it."""


def small(**changes):
    """A positional replay of version 13: G . . / . ^ C / . ~ G, with some fields changed."""
    fields = {
        "version": 13,
        "id": "small-_1",
        "width": 3,
        "height": 3,
        "usernames": ["Ann", "Bö\nb"],
        "stars": [70, None],
        "cities": [5],
        "city_armies": [40],
        "generals": [0, 8],
        "mountains": [4],
        "moves": [[0, 0, 1, 0, 2], [1, 8, 7, 1, 4], [0, 0, 3, 0, 6]],
        "afks": [[1, 9]],
        "teams": None,
        "map_title": None,
        "neutrals": [2],
        "neutral_armies": [7],
        "swamps": [7],
        "chat": [["gg", "", 0, 8]],
        "colours": [0, 3],
        "lights": [],
        "settings": [1, 0.5, 0.5, 0, 0.5, 0.5, 0, 0, 0],
        "modifiers": [],
        "observatories": [],
        "lookouts": [],
        "deserts": [6],
        "player_transforms": {"0": 4, "1": 1},
        "pings": [],
    }
    assert changes.keys() <= fields.keys()
    return list({**fields, **changes}.values())


def named(**changes):
    """The same replay as the object of a .gioreplay, with some keys changed."""
    value = {
        "version": 13,
        "id": "small-_1",
        "mapWidth": 3,
        "mapHeight": 3,
        "usernames": ["Ann", "Bö\nb"],
        "stars": [70, None],
        "cities": [5],
        "cityArmies": [40],
        "generals": [0, 8],
        "mountains": [4],
        "moves": [
            {"index": 0, "start": 0, "end": 1, "is50": 0, "turn": 2},
            {"index": 1, "start": 8, "end": 7, "is50": True, "turn": 4},
            {"index": 0, "start": 0, "end": 3, "is50": False, "turn": 6},
        ],
        "afks": [{"index": 1, "turn": 9}],
        "teams": None,
        "map_title": None,
        "neutrals": [2],
        "neutralArmies": [7],
        "swamps": [7],
        "chat": [["gg", "", 0, 8]],
        "playerColors": [0, 3],
        "lights": [],
        "speed": 1,
        "city_density": 0.5,
        "mountain_density": 0.5,
        "swamp_density": 0,
        "city_fairness": 0.5,
        "spawn_fairness": 0.5,
        "desert_density": 0,
        "lookout_density": 0,
        "observatory_density": 0,
        "modifiers": [],
        "deserts": [6],
        "player_transforms": {"0": 4, "1": 1},
        "pings": [],
    }
    return {**value, **changes}
