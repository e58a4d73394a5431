"""Replays, ladder, phones and accessibility in a real browser."""

import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.web.conftest import ROOT, Eyes, Site
from tests.web.driver import cells
from tests.web.test_playing import begin

from engine.record import Record
from engine.replay_files import read_replay
from lambdas.looks import look_at
from learner.rating import Interval, Rating
from learner.report import Ablation, Picture, Results, write_report
from store.ratings import Outcome, Player


def _open_file(page: Any, file: Path | dict[str, Any]) -> None:
    page.set_input_files("input[type=file]", file)


def _scrub(page: Any, turn: int) -> None:
    page.locator("input[type=range]").fill(str(turn))
    page.wait_for_function("turn => document.getElementById('turn').textContent === String(turn)", arg=turn)


def _loaded(page: Any, turns: int) -> None:
    page.wait_for_function(
        "turns => Number(document.querySelector('input[type=range]')?.max) === turns"
        " && !document.querySelector('.badge').textContent.startsWith('loading')",
        arg=turns,
    )


def test_a_real_game_is_shown_as_the_engine_plays_it(eyes: Eyes, replays: Path) -> None:
    record = Record.from_replay(read_replay(replays / "ffa_v5.gior"))
    page = eyes.open("#/replay")
    _open_file(page, replays / "ffa_v5.gior")
    _loaded(page, record.turns)
    for turn in (0, 137, 300, 301, record.turns, 64, 63):
        _scrub(page, turn)
        assert np.array_equal(cells(page), look_at(record.at(turn), None)), f"turn {turn}"
    _scrub(page, 300)
    _compare_pixels(page, record)
    table = page.locator("tbody tr")
    game = record.at(300)
    for index in range(len(game.land)):
        row = table.nth(index)
        seat = int(row.get_attribute("data-seat"))
        assert row.locator("td").all_inner_texts()[1:] == [str(game.totals[seat]), str(game.land[seat])]
    page.select_option("select[aria-label='Whose view']", "2")
    page.wait_for_function("document.querySelector('canvas').board.cells.looks.some(look => (look & 1) === 0)")
    _loaded(page, record.turns)
    _scrub(page, 200)
    assert np.array_equal(cells(page), look_at(record.at(200), 2))


def _compare_pixels(page: Any, record: Record) -> None:
    """Near its corner each tile has its owner's colour, and no two owners have the same."""
    game = record.at(300)
    owners = game.owners.ravel()
    colours = page.evaluate(
        "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => {"
        " const canvas = document.querySelector('canvas'), board = canvas.board, g = canvas.getContext('2d');"
        " const size = board.tileSize, scale = board.scale;"
        " const { data, width } = g.getImageData(0, 0, canvas.width, canvas.height);"
        " done([...board.cells.looks.keys()].map(tile => { const [x, y] = board.middle(tile);"
        "  const at = 4 * (Math.floor((y + size * 0.2) * scale) * width + Math.floor((x - size * 0.4) * scale));"
        "  return [...data.slice(at, at + 4)].join(); })); })))"
    )
    by_owner: dict[int, set[str]] = {}
    for owner, colour, general, city in zip(
        owners, colours, (game.kinds == 3).ravel(), game.cities.ravel(), strict=True
    ):
        if owner >= 0 and not general and not city:
            by_owner.setdefault(int(owner), set()).add(colour)
    assert len(by_owner) > 2
    assert all(len(found) == 1 for found in by_owner.values()), by_owner
    assert len(set.union(*by_owner.values())) == len(by_owner)


def test_the_player_plays_pauses_and_steps(eyes: Eyes, replays: Path) -> None:
    page = eyes.open("#/replay")
    _open_file(page, replays / "ffa_v5.gior")
    page.wait_for_selector("button[aria-label=Play]")
    page.wait_for_function("Number(document.querySelector('input[type=range]').max) > 0")
    page.select_option("select[aria-label=Speed]", "32")
    page.click("button[aria-label=Play]")
    page.wait_for_function("Number(document.getElementById('turn').textContent) > 5")
    page.click("button[aria-label=Pause]")
    turn = int(page.inner_text("#turn"))
    page.click("button[aria-label='A turn on']")
    assert int(page.inner_text("#turn")) == turn + 1
    page.locator("canvas").focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert int(page.inner_text("#turn")) == turn - 1
    page.keyboard.press("Home")
    assert page.inner_text("#turn") == "0"


def _hold_the_first(page: Any) -> Callable[[], None]:
    """Keep the first file that a page sends from the server; what is returned lets it go, and waits for its answer."""
    held: list[Any] = []
    page.route("**/v1/replays?**", lambda route: route.continue_() if held else held.append(route))

    def let_go() -> None:
        with page.expect_request_finished(lambda request: request == held[0].request):
            held[0].continue_()
        page.evaluate("fetch('v1/options').then(answer => answer.json())")  # what the page does next comes before this

    return let_go


def test_a_page_that_was_left_while_it_read_a_file_stays_left(eyes: Eyes, replays: Path) -> None:
    page = eyes.open("#/replay")
    let_go = _hold_the_first(page)
    with page.expect_request("**/v1/replays?**"):
        _open_file(page, replays / "ffa_v5.gior")
    page.click("nav >> text=Play")
    page.wait_for_selector("button[type=submit]:enabled")
    let_go()
    assert page.inner_text("main h1") == "Take their general."


def test_of_two_files_the_one_chosen_last_is_shown(eyes: Eyes, replays: Path) -> None:
    page = eyes.open("#/replay")
    let_go = _hold_the_first(page)
    with page.expect_request("**/v1/replays?**"):
        _open_file(page, replays / "ffa_v5.gior")
    row = [15, "other", 5, 5, ["anna", "ben"], None, [], [], [0, 24], [], [], []]
    _open_file(page, {"name": "other.json", "mimeType": "application/json", "buffer": json.dumps(row).encode()})
    page.wait_for_selector("td >> text=anna")
    let_go()
    assert page.locator("tbody tr").count() == 2
    assert page.is_visible("td >> text=anna")


@pytest.mark.parametrize("path", ["#/%", "#/match/%E0%A4%A", "#/nowhere"])
def test_an_unknown_address_leads_to_the_start(eyes: Eyes, path: str) -> None:
    page = eyes.open(path)
    page.wait_for_selector("button[type=submit]:enabled")
    assert page.inner_text("main h1") == "Take their general."


def test_a_damaged_file_is_refused_by_name(eyes: Eyes) -> None:
    eyes.refusals_expected = True
    page = eyes.open("#/replay")
    _open_file(page, {"name": "broken.gior", "mimeType": "application/octet-stream", "buffer": b"\x00\x01 no replay"})
    page.wait_for_function("document.querySelector('.error').textContent.includes('broken.gior')")
    _open_file(page, {"name": "game.txt", "mimeType": "text/plain", "buffer": b"hello"})
    page.wait_for_function("document.querySelector('.error').textContent.includes('unknown kind of file')")


def test_the_ladder_shows_intervals_history_and_games(eyes: Eyes, site: Site) -> None:
    players = [Player("policy:demo", 3), Player("bot:hunter"), Player("bot:random")]
    outcomes = [
        Outcome(f"{number:016x}", (players[a], players[b]), 0, 200, "generalsio", 1_700_000_000_000 + number)
        for number, (a, b) in enumerate([(0, 1), (0, 2), (1, 2)] * 7)
    ]
    site.services.ratings.report(outcomes)
    page = eyes.open("#/ladder")
    page.wait_for_selector("tbody tr")
    assert page.locator("tbody tr td:nth-child(2)").all_inner_texts() == ["demo v3", "hunter bot", "random bot"]
    elo = [int(text) for text in page.locator("tbody tr td:nth-child(3)").all_inner_texts()]
    assert elo == sorted(elo, reverse=True)
    assert page.locator("svg.interval").count() == 3
    page.click("text=demo v3")
    page.wait_for_selector("svg.history polyline")
    assert page.locator("section[aria-label=Games] li").count() == 14
    assert page.locator("section[aria-label=Games] a").first.get_attribute("href").startswith("#/replay/")
    eyes.keep(page, "ladder")


def test_a_record_that_is_not_here_is_told(eyes: Eyes) -> None:
    eyes.refusals_expected = True
    page = eyes.open("#/replay/0123456789abcdef")
    page.wait_for_selector("text=No such record")


PAGES = ["", "#/watch", "#/replay", "#/ladder"]


@pytest.mark.parametrize("path", PAGES)
def test_the_page_keeps_its_own_content_policy(eyes: Eyes, path: str, site: Site) -> None:
    page = eyes.open(path, eyes.visitor(bypass_csp=False))
    page.wait_for_load_state("networkidle")
    page.wait_for_selector("main h1")
    if not path:
        page.click("button[type=submit]:enabled")
        page.wait_for_selector("tbody tr")


LONG_NAME = "W" * 24  # the form takes no more letters, and no letter is wider
WIDTHS = [360, 390, 1280]


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_its_screen(eyes: Eyes, site: Site, width: int) -> None:
    visitor = _of_width(eyes, width)
    visitor.route("**/v1/options", _with_a_long_policy)
    page = eyes.open("", visitor)
    page.fill("input[name=name]", LONG_NAME)
    begin(page, opponent="bot:random", count="7", board="site", ruleset="generalsio", pace="turns")
    page.wait_for_selector("tbody tr:nth-child(8)")
    _fits(eyes, page, f"match-{width}")
    page.goto(f"{site.url}#/")
    begin(page, opponent="bot:strategist", count="1", board="6x6", ruleset="generalsio", pace="turns")
    page.click("text=Surrender >> nth=0")
    page.click("dialog >> text=Surrender")
    page.wait_for_selector("#result")
    _fits(eyes, page, f"result-{width}")
    page.click("text=Watch the replay")
    page.wait_for_function("document.querySelector('.badge').textContent.includes('won')")
    _fits(eyes, page, f"replay-of-a-match-{width}")
    page.goto(f"{site.url}#/replay")
    row = [15, "other", 5, 5, [LONG_NAME * 2, "anna of " + "the hills " * 4], None, [], [], [0, 24], [], [], []]
    _open_file(page, {"name": "other.json", "mimeType": "application/json", "buffer": json.dumps(row).encode()})
    page.wait_for_selector("td >> text=anna")
    _fits(eyes, page, f"replay-of-a-file-{width}")
    players = (Player(f"human:{LONG_NAME}"), Player(f"policy:{LONG_POLICY}", 3))
    site.services.ratings.report([Outcome(f"{width:016x}", players, 0, 200, "classic", 1_700_000_000_000)])
    for path in ("", "#/watch", "#/replay"):
        page.goto(f"{site.url}{path}")
        if path != "#/replay":
            page.wait_for_selector(f"select >> nth=0 >> option >> text={LONG_POLICY}", state="attached")
            page.select_option("select >> nth=0", f"policy:{LONG_POLICY}")
            page.wait_for_selector(f".who >> text={LONG_NAME}")
        _fits(eyes, page, f"{path.strip('#/') or 'start'}-{width}")
    page.goto(f"{site.url}#/ladder/classic")
    page.click(f"td a >> text={LONG_NAME}")
    page.wait_for_selector("svg.history")
    _fits(eyes, page, f"ladder-{width}")


LONG_POLICY = "pupil-" + "o" * 40


def _with_a_long_policy(route: Any) -> None:
    """The server's answer, and one policy more."""
    options = route.fetch().json()
    more = {"player": f"policy:{LONG_POLICY}", "kind": "policy", "board": "competition", "ruleset": "competition"}
    route.fulfill(json={**options, "opponents": [*options["opponents"], more]})


@pytest.mark.parametrize("width", WIDTHS)
def test_a_report_is_no_wider_than_its_screen(eyes: Eyes, tmp_path: Path, width: int) -> None:
    rate, opponent = Interval(0.5, 0.45, 0.55, 4000), f"policy:{LONG_POLICY}"
    results = Results(
        title=f"Stratagem: {LONG_POLICY}",
        facts={"name": LONG_POLICY, "opponents": opponent * 3},
        win_rates={opponent: rate},
        drawn={opponent: 0.02},
        ratings=[Rating(opponent, 120.0, 90.0, 150.0, 0.7, 8000), Rating("expander", 0.0, 0.0, 0.0, 0.4, 8000)],
        anchor=opponent,
        ablation=Ablation({opponent: rate}, {opponent: rate}, rate, rate),
        pictures=[Picture("a game", (("turn 3", '<svg class="board" width="900" height="400"></svg>'),))],
        notes=[f"Read {opponent}."],
    )
    (tmp_path / "curve.png").write_bytes(b"")
    write_report(results, tmp_path / "curve.png", tmp_path / "report.html")
    page = _of_width(eyes, width).new_page()
    page.set_content((tmp_path / "report.html").read_text())
    _fits(eyes, page, f"report-{width}")


def _of_width(eyes: Eyes, width: int) -> Any:
    small = width < 600
    return eyes.visitor(viewport={"width": width, "height": 800}, has_touch=small, is_mobile=small)


def _fits(eyes: Eyes, page: Any, name: str) -> None:
    """Nothing is wider than the screen, and what is to read or press lies in its panel, or scrolls there."""
    eyes.keep(page, name)
    width = page.viewport_size["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width, name
    outside = page.evaluate(
        "() => [...document.querySelectorAll('td, th, dt, dd, p, a, h1, h2, button, select, input, .badge')]"
        ".filter(each => each.checkVisibility() && !each.closest('.scroll, .hidden-label, .skip, .choices'))"
        ".filter(each => { const box = each.getBoundingClientRect();"
        "  const panel = (each.closest('.panel, section') ?? document.body).getBoundingClientRect();"
        "  return box.width > 1 && (box.right > panel.right + 1 || box.left < panel.left - 1); })"
        ".map(each => each.outerHTML.slice(0, 120))"
    )
    assert outside == [], name


def test_a_match_on_a_phone_by_touch(eyes: Eyes) -> None:
    phone = eyes.visitor(viewport={"width": 375, "height": 740}, has_touch=True, is_mobile=True, color_scheme="light")
    page = eyes.open("", phone)
    page.wait_for_selector("button[type=submit]:enabled")
    begin(page, opponent="bot:hunter", board="12x12", pace="turns")
    for turn in range(1, 4):
        page.tap("text=Play a turn")
        page.wait_for_function("turn => document.getElementById('turn').textContent === String(turn)", arg=turn)
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    eyes.keep(page, "phone")


@pytest.fixture(scope="session")
def axe() -> str:
    """The accessibility checker's source: `npm pack axe-core` in build/axe."""
    packed = sorted((ROOT / "build" / "axe").glob("axe-core-*.tgz"))
    if not packed:
        pytest.skip("no axe-core in build/axe; get it with `make axe`")
    with tarfile.open(packed[-1]) as archive:
        member = archive.extractfile("package/axe.min.js")
        assert member is not None
        return member.read().decode()


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_no_serious_barrier(eyes: Eyes, axe: str, scheme: str, site: Site) -> None:
    context = eyes.visitor(color_scheme=scheme)
    page = eyes.open("", context)
    page.wait_for_selector("button[type=submit]:enabled")
    found = {"start": _barriers(page, axe)}
    begin(page, opponent="bot:random", board="6x6", pace="turns")
    found["match"] = _barriers(page, axe)
    page.keyboard.press("Enter")
    page.click("text=Surrender >> nth=0")
    found["dialog"] = _barriers(page, axe)
    page.click("dialog >> text=Surrender")
    page.click("text=Watch the replay")
    page.wait_for_function("document.querySelector('.badge').textContent.includes('won')")
    found["replay"] = _barriers(page, axe)
    for name in ("watch", "ladder", "replay"):
        page.goto(f"{site.url}#/{name}")
        page.wait_for_load_state("networkidle")
        found[f"{name} page"] = _barriers(page, axe)
    assert found == dict.fromkeys(found, "")


def _barriers(page: Any, axe: str) -> str:
    page.evaluate(f"window.axe || eval({json.dumps(axe)})")
    violations = page.evaluate("axe.run().then(found => found.violations)")
    serious = [each for each in violations if each["impact"] in ("serious", "critical")]
    return "; ".join(f"{each['id']}: {[node['html'][:90] for node in each['nodes']]}" for each in serious)
