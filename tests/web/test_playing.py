"""Whole matches in a real browser: by mouse and keys, by keys alone, over a reload and in two tabs."""

from typing import Any

import numpy as np
from tests.lambdas.playing import equals_its_record
from tests.web.conftest import Eyes, Site
from tests.web.driver import advice, cells, chosen, click, look_around_to, match_of, wait_for_turn

from lambdas.looks import look_at
from lambdas.match_logic import game_of

MOST_TURNS = 400


def begin(page: Any, **choices: str) -> None:
    """Fill in the form and play."""
    page.wait_for_selector("button[type=submit]:enabled")
    for name, value in choices.items():
        if name == "pace":
            page.check(f"input[value={value}]", force=True)
        else:
            page.select_option(f"select[name={name}]", value)
    page.click("button[type=submit]")
    page.wait_for_function("document.querySelector('canvas')?.board?.cells")


def test_a_match_is_won_by_mouse_and_keys(eyes: Eyes, site: Site) -> None:
    page = eyes.open()
    page.wait_for_selector("button[type=submit]:enabled")
    eyes.keep(page, "start")
    begin(page, opponent="bot:random", board="6x6", pace="turns")
    for turn in range(MOST_TURNS):
        match = match_of(page, site)
        if match.state != "running":
            break
        move = advice(match)
        if move is None:
            page.keyboard.press("Enter")
        else:
            if chosen(page) != move[0]:
                page.keyboard.press("Escape")  # else a click beside the chosen tile would move there
                click(page, move[0])
            if move[2]:
                page.keyboard.press("z")
            click(page, move[1])
        wait_for_turn(page, turn + 1)
        assert np.array_equal(cells(page), look_at(game_of(match_of(page, site)), 0))
        if turn == 20:
            eyes.keep(page, "match")
    assert page.inner_text("#result") == "Victory"
    eyes.keep(page, "victory")
    match = match_of(page, site)
    assert equals_its_record(match)
    assert site.services.ratings.counted(match.setup.ladder, match.id)
    page.click("text=Watch the replay")
    page.wait_for_function("document.querySelector('.badge').textContent.includes('won')")
    page.locator("input[type=range]").fill("60")
    eyes.keep(page, "replay")


def _tab_to(page: Any, name: str) -> None:
    for _ in range(40):
        if page.evaluate("document.activeElement?.name || document.activeElement?.type") == name:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"no way to {name} by keyboard")


def test_real_time_is_won_by_keyboard_alone(eyes: Eyes, site: Site) -> None:
    page = eyes.open()
    page.wait_for_selector("button[type=submit]:enabled")
    _tab_to(page, "opponent")
    page.keyboard.type("random")
    _tab_to(page, "board")
    page.keyboard.type("Tiny")
    _tab_to(page, "pace")
    page.keyboard.press("ArrowRight")
    _tab_to(page, "speed")
    page.keyboard.type("4")
    _tab_to(page, "submit")
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('canvas')?.board?.cells")
    match = match_of(page, site)
    assert (match.setup.pace, match.setup.turn_ms, match.setup.players[1].name) == ("realtime", 125, "bot:random")
    width = match.record.layout.width
    site.clock.now_ms = match.setup.starts_ms
    for turn in range(MOST_TURNS):
        match = match_of(page, site)
        if match.state != "running":
            break
        move = advice(match)
        if move is not None:
            look_around_to(page, move[0], width)
            if move[2]:
                page.keyboard.press("z")
            step = move[1] - move[0]
            arrows = {-width: "ArrowUp", width: "s", -1: "a", 1: "ArrowRight"}
            page.keyboard.press(arrows[step])
            assert len(_queued(page, site)) == 1
        site.clock.now_ms += match.setup.turn_ms
        wait_for_turn(page, turn + 1)
    assert page.inner_text("#result") == "Victory"
    assert equals_its_record(match_of(page, site))


def _queued(page: Any, site: Site) -> tuple[tuple[int, int, int], ...]:
    """The queue on the server, once it has answered all that the page asked for."""
    page.wait_for_selector(".stage[aria-busy=false]")
    return match_of(page, site).queue


def test_a_reload_loses_nothing_and_two_tabs_play_one_match(eyes: Eyes, site: Site) -> None:
    page = eyes.open()
    begin(page, opponent="bot:random", board="12x12", pace="turns")
    for _ in range(10):
        page.keyboard.press("Enter")
    wait_for_turn(page, 10)
    page.keyboard.press("x")  # plan: moves wait in the queue
    page.keyboard.press("Space")
    general = chosen(page)
    assert any(_goes(page, key) for key in "wasd")
    queue = _queued(page, site)
    assert queue == ((general, chosen(page), 0),)
    shown = cells(page)
    page.reload()
    page.wait_for_function("document.querySelector('canvas')?.board?.cells")
    assert np.array_equal(cells(page), shown)
    assert page.evaluate("document.querySelector('canvas').board.arrows") == [list(move) for move in queue]

    other = eyes.open(page.url.removeprefix(site.url))
    other.wait_for_function("document.querySelector('canvas')?.board?.cells")
    assert other.evaluate("document.querySelector('canvas').board.arrows") == [list(move) for move in queue]
    other.keyboard.press("Enter")
    wait_for_turn(other, 11)
    page.bring_to_front()
    wait_for_turn(page, 11)
    assert np.array_equal(cells(page), cells(other))
    other.keyboard.press("q")
    assert _queued(other, site) == ()
    assert equals_its_record(match_of(page, site))

    stranger = eyes.visitor()
    watching = eyes.open(page.url.removeprefix(site.url), stranger)
    watching.wait_for_function("document.querySelector('canvas')?.board?.cells")
    assert np.array_equal(cells(watching), cells(page)), "who watches sees what the person sees"
    assert not watching.is_visible("text=Surrender")


def test_a_match_that_is_gone_is_told_once_and_not_asked_for_again(eyes: Eyes, site: Site) -> None:
    eyes.refusals_expected = True
    eyes.context.add_init_script(
        "const wait = window.setTimeout; window.setTimeout = (what, ms, ...rest) => wait(what, ms / 50, ...rest)"
    )
    page = eyes.open()
    begin(page, opponent="bot:random", board="6x6", pace="turns")
    match = match_of(page, site)
    site.services.matches.items.delete(match.id, "state")
    page.wait_for_selector("h2 >> text=This match is gone")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.locator("canvas").press("Enter")
    page.wait_for_timeout(1000)  # 50 s for the page
    assert asked == []
    assert page.locator("h2 >> text=This match is gone").count() == 1
    assert page.inner_text("#toast") == ""
    assert page.inner_text(".badge") == "gone"
    assert not page.is_visible("text=Surrender")
    page.click("text=To the start")
    page.wait_for_selector("button[type=submit]:enabled")


def _goes(page: Any, key: str) -> bool:
    """Press a key; whether the choice moved: there may be a mountain."""
    before = chosen(page)
    page.keyboard.press(key)
    return chosen(page) != before


def test_undo_clear_and_half(eyes: Eyes, site: Site) -> None:
    page = eyes.open()
    begin(page, opponent="bot:random", board="12x12", pace="realtime")
    page.keyboard.press("Space")
    general = chosen(page)
    page.keyboard.press("z")
    opposite = {"w": "ArrowDown", "a": "ArrowRight", "s": "ArrowUp", "d": "ArrowLeft"}
    way = next(key for key in opposite if _goes(page, key))
    page.keyboard.press(opposite[way])
    arrows = page.evaluate("document.querySelector('canvas').board.arrows")
    assert [arrow[2] for arrow in arrows] == [1, 0], "half counts for one move"
    assert chosen(page) == general
    page.keyboard.press("e")
    assert chosen(page) == arrows[1][0]
    assert len(_queued(page, site)) == 1
    page.keyboard.press("q")
    assert _queued(page, site) == ()
    page.click("text=Surrender >> nth=0")
    page.click("dialog >> text=Surrender")
    page.wait_for_selector("#result")
    assert page.inner_text("#result") == "Defeat"
