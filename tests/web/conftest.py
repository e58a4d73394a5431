"""The page on a server of this process, and a headless Chromium that looks at it."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from tests.lambdas.conftest import Clock

from lambdas.app import create_app
from lambdas.http import Services
from store.connect import Connection, create_all
from store.names import Names
from web import FOLDER

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / "build" / "screenshots"
PATIENCE_MS = 60_000  # a busy machine is slow, not wrong


class Site:
    """The page's server, its store and its clock."""

    def __init__(self, connection: Connection) -> None:
        self.clock = Clock()
        self.services = Services(connection, self.clock, "", "", limited=False)
        app = create_app(self.services, page=FOLDER)
        self.server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", access_log=False))
        self.thread = threading.Thread(target=self.server.run, name="site", daemon=True)

    def start(self) -> None:
        ready = threading.Event()
        startup = self.server.startup

        async def tell(sockets: Any = None) -> None:
            await startup(sockets)
            ready.set()

        self.server.startup = tell  # type: ignore[method-assign]
        self.thread.start()
        assert ready.wait(60)

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(20)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.servers[0].sockets[0].getsockname()[1]}/"


@pytest.fixture(scope="session")
def site(store_endpoint: str) -> Iterator[Site]:
    connection = Connection(Names.of("tweb", store_endpoint))
    create_all(connection)
    made = Site(connection)
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")  # no longer: its event loop runs on in this thread, where others start theirs
def browser() -> Iterator[Any]:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no chromium on this machine")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as started:
        launched = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        launched.close()


class Eyes:
    """Watches pages of a browser: what they complain of, and what they ask of whom."""

    def __init__(self, browser: Any, site: Site) -> None:
        self.site = site
        self.complaints: list[str] = []
        self.strangers: list[str] = []
        self.refusals_expected = False
        self.browser = browser
        self.contexts: list[Any] = []
        self.context = self.visitor(viewport={"width": 1280, "height": 800}, color_scheme="dark")

    def visitor(self, *, bypass_csp: bool = True, **options: Any) -> Any:
        """A browser of its own. Waiting for a condition evaluates text, which the page's own policy forbids."""
        context = self.browser.new_context(bypass_csp=bypass_csp, **options)
        context.set_default_timeout(PATIENCE_MS)
        self.contexts.append(context)
        return context

    def open(self, path: str = "", context: Any = None) -> Any:
        """A new tab."""
        page = (context or self.context).new_page()
        page.on("console", self._listen)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._see)
        page.goto(f"{self.site.url}{path}")
        return page

    def _listen(self, message: Any) -> None:
        refused = "Failed to load resource" in message.text and self.refusals_expected
        if message.type in ("error", "warning") and not refused:
            self.complaints.append(message.text)

    def _see(self, request: Any) -> None:
        if not request.url.startswith((self.site.url, "data:", "blob:")):
            self.strangers.append(request.url)

    def keep(self, page: Any, name: str) -> None:
        """Keep a picture for people to look at."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(SCREENSHOTS / f"{name}.png"))


@pytest.fixture
def eyes(browser: Any, site: Site) -> Iterator[Eyes]:
    """A fresh visitor. In the end no page has complained, and none has asked anything of another machine."""
    made = Eyes(browser, site)
    yield made
    for context in made.contexts:
        context.close()
    assert made.complaints == []
    assert made.strangers == []
