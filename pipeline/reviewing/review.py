"""Starting a review from Python: a handle with the address of the page."""

from __future__ import annotations

import html
import os
from types import TracebackType

from pipeline.config import ConfigLike
from pipeline.dataset.authorship import check_authorship, time_now, user_name
from pipeline.record.opening import open_dataset
from pipeline.reviewing.desk import Desk
from pipeline.reviewing.server import Server


class Review:
    """A page that is being served; as the last line of a notebook's cell it is a link to the page.

    It ends with the process that started it, or when it is closed.
    """

    def __init__(self, server: Server) -> None:
        self._server = server

    @property
    def desk(self) -> Desk:
        """The queue and the open frames; what a program does there, the page shows."""
        return self._server.desk

    @property
    def url(self) -> str:
        """Address of the page on this machine. It holds the token: whoever has it may write."""
        return self._server.url

    @property
    def port(self) -> int:
        """Port on loopback."""
        return self._server.port

    @property
    def path_on_hub(self) -> str:
        """Address of the page behind a hub's proxy (jupyter-server-proxy), without the host."""
        prefix = os.environ.get("JUPYTERHUB_SERVICE_PREFIX", "/").rstrip("/")
        return f"{prefix}/proxy/{self.port}/?token={self._server.token}"

    def close(self) -> None:
        """Stop serving the page. What was changed and not saved is kept in drafts."""
        self._server.close()

    def wait(self) -> None:
        """Wait until the page is no longer served."""
        self._server.wait()

    def __enter__(self) -> Review:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Review of {self._server.desk.layout.data_root} at {self.url}>"

    def _repr_html_(self) -> str:
        on_hub, here = html.escape(self.path_on_hub), html.escape(self.url)
        links = {"open the review page": here, "behind a hub": on_hub}
        if "JUPYTERHUB_SERVICE_PREFIX" in os.environ:
            links = {"open the review page": on_hub}
        return " · ".join(
            f'<a href="{address}" target="_blank" rel="noopener">{text}</a>'
            for text, address in links.items()
        )


def review(
    data_root: str | os.PathLike[str],
    config: ConfigLike = None,
    *,
    author: str | None = None,
    port: int = 0,
) -> Review:
    """Serve a page on which the frames of a data set are looked at and fixed; return at once.

    The page is served on loopback alone, and every request needs a token that is in the address.

    Parameters
    ----------
    data_root
        Folder of scenes, as for a run.
    config
        The settings of the run; `data` and `output` locate the maps, `model` answers clicks. None
        takes those of the last run.
    author
        Who makes the fixes; None takes the name of the user of this process.
    port
        Port to listen at; 0 takes a free one.

    Returns
    -------
    Review
        A handle with the address, which closes the page.

    Raises
    ------
    ConfigError
        A setting or the author's name is wrong, or the port is taken.
    DatasetError, StorageError
        There is no frame, or the record cannot be read.
    """
    name = user_name() if author is None else author
    check_authorship(name, time_now())
    return Review(Server(Desk(open_dataset(data_root, config), name), port))
