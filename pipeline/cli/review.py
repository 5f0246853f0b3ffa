"""`autorefiner review`: a page on which frames are looked at and fixed."""

from __future__ import annotations

import atexit
import html
import os
import socket
import sys
import tempfile
import webbrowser
from pathlib import Path

import click

from pipeline.cli.options import config_options, load_settings_of_run


@click.command()
@click.argument("root", metavar="DATA_ROOT", type=click.Path(path_type=Path))
@click.option("--author", help="Who makes the fixes; default: your login name.")
@click.option(
    "--port",
    default=0,
    type=click.IntRange(0, 65_535),
    help="Port on this machine; default: a free one.",
)
@click.option("--no-browser", is_flag=True, help="Print the address, and open no browser.")
@config_options
def review(
    root: Path,
    author: str | None,
    port: int,
    no_browser: bool,
    config_file: Path | None,
    overrides: tuple[str, ...],
) -> None:
    """Look at the most doubtful frames of DATA_ROOT in a browser, and fix them by clicks.

    The page is served to this machine alone, and only to those who have the address that is
    printed. Fixes are saved beside the results, and count in their place. Ctrl-C ends it; changes
    that are not saved are kept as drafts.
    """
    settings = load_settings_of_run(root, config_file, overrides)
    from pipeline.reviewing.review import review as start

    with start(root, settings, author=author, port=port) as page:
        click.echo(f"review: {page.url}")
        if has_screen() and not no_browser:
            open_privately(page.url)
        else:
            click.echo(
                "from another machine: "
                f"ssh -L {page.port}:127.0.0.1:{page.port} {socket.gethostname()}, then the same "
                f"address there; behind a Jupyter hub: {page.path_on_hub}"
            )
        click.echo("Ctrl-C ends it")
        try:
            page.wait()
        except KeyboardInterrupt:
            click.echo("ended")


def open_privately(url: str) -> None:
    """Open an address in the browser, but not as an argument, which other users could list.

    The browser is given a file that only this user can read and that leads to the address.
    """
    handle, name = tempfile.mkstemp(prefix="autorefiner-review-", suffix=".html")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(f'<meta http-equiv="refresh" content="0; url={html.escape(url)}">')
    atexit.register(Path(name).unlink, missing_ok=True)
    webbrowser.open(Path(name).as_uri())


def has_screen() -> bool:
    """Return whether a browser could show a page on this machine."""
    if "SSH_CONNECTION" in os.environ:
        return False
    named = "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ
    return named or sys.platform == "darwin"
