"""The application: the same routers by uvicorn on one's machine and through Mangum on Lambda.

A Lambda takes only the parts it serves, so that it imports no more than they need.
"""

from collections.abc import Awaitable, Callable, Iterable
from importlib import import_module
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.middleware.gzip import GZipMiddleware

from lambdas.http import Services, answer_errors

PARTS = ("matches", "ratings", "models")
PREFIX = "/v1"
COMPRESSED_FROM = 1024  # bytes

# Nothing comes from elsewhere and nobody frames the page. Said here for the local server; CloudFront says the same.
PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def create_app(services: Services, parts: Iterable[str] = PARTS, page: Path | None = None) -> FastAPI:
    """The API with some of its parts, and with `page`, the folder of the web page, at its root."""
    app = FastAPI(
        title="Stratagem",
        version="1",
        summary="People against bots: matches, ladders and policies.",
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.services = services
    app.add_middleware(GZipMiddleware, minimum_size=COMPRESSED_FROM)
    answer_errors(app)
    for part in parts:
        app.include_router(import_module(f"lambdas.{part}").router, prefix=PREFIX)

    @app.middleware("http")
    async def _headers(request: Request, follow: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await follow(request)
        response.headers.setdefault("Cache-Control", "no-store" if request.url.path.startswith(PREFIX) else "no-cache")
        for name, value in PAGE_HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    if page is not None:
        from fastapi.staticfiles import StaticFiles

        app.mount("/", StaticFiles(directory=page, html=True), name="page")
    return app
