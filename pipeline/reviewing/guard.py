"""Who may ask the server: only a page that this server sent, opened by somebody with the token.

Three things are checked. The token comes with the address that is printed, then with a cookie that
no script can read; a request that changes something also needs it in a header, which no other page
can send. The browser says which page a request comes from (`Sec-Fetch-Site`, or `Origin`), and
other pages are refused. Addresses on the page are relative, so that a hub's proxy may put a prefix
before them, and host names are only compared with one another.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from urllib.parse import urlsplit

TOKEN_HEADER = "X-Review-Token"  # noqa: S105 - the name of a header
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Headers of every answer."""


def make_token() -> str:
    """Return a new token of 256 random bits."""
    return secrets.token_urlsafe(32)


def is_token(given: str | None, token: str) -> bool:
    """Return whether a text is the token, in a time that tells nothing about it."""
    return given is not None and hmac.compare_digest(given.encode(), token.encode())


def is_foreign(headers: Mapping[str, str], host: str, is_page: bool) -> bool:
    """Return whether a request comes from another page than those of this server.

    Parameters
    ----------
    headers
        The headers of the request.
    host
        Name and port that the browser asked, as the server was told.
    is_page
        Whether the page itself is asked for, which a link elsewhere may lead to.
    """
    site = headers.get("Sec-Fetch-Site")
    if site is not None:
        is_link = is_page and headers.get("Sec-Fetch-Mode") == "navigate"
        return site != "same-origin" and not (is_page and site == "none") and not is_link
    origin = headers.get("Origin")
    if origin is None:
        return False
    hosts = {host, headers.get("X-Forwarded-Host", host)}
    return urlsplit(origin).netloc not in hosts
