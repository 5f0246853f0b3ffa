"""A run in the background, for notebooks and for programs that go on with other work."""

from __future__ import annotations

import html
import os
import threading
from collections.abc import Sequence
from weakref import WeakSet

from distributed import Client
from distributed.deploy.cluster import Cluster

from pipeline.cluster import shared_client
from pipeline.cluster.main_guard import end_if_nested
from pipeline.config import Config, ConfigLike, load_config
from pipeline.dashboard import RunState
from pipeline.errors import RunInterrupted, RunStopped
from pipeline.record.opening import find_root
from pipeline.record.summary import Summary
from pipeline.record.tally import Group
from pipeline.records import FrameOutcome
from pipeline.run.runner import refine
from pipeline.run.stopping import StopRequest
from pipeline.run.watch import LiveRun, log_state
from pipeline.sam import SAM2, ProposerFactory


def start_run(
    data_root: str | os.PathLike[str],
    config: ConfigLike = None,
    client: Client | Cluster | None = None,
    proposers: ProposerFactory = SAM2,
) -> Run:
    """Refine a data set in the background, and return at once.

    Parameters
    ----------
    data_root, config, client, proposers
        As for `refine_dataset`. Without a client, a cluster is opened at the first call; it serves
        later calls with the same settings too, and closes with this process.

    Returns
    -------
    Run
        As the last line of a notebook's cell it is shown as a live panel. If a run of the same
        data set with the same settings and proposers is still at work, that run is returned.

    Raises
    ------
    ConfigError
        A setting is wrong. Later errors are raised by `Run.wait`.
    """
    end_if_nested()
    settings = load_config(config)
    root = str(find_root(data_root))
    for run in _runs:
        if run.running and run.is_of(root, settings, proposers):
            return run
    run = Run(root, settings, client, proposers)
    _runs.add(run)
    return run


_runs: WeakSet[Run] = WeakSet()


class Run:
    """A run in the background, with its progress, a way to stop it, and its summary.

    The run ends with the process that started it, so a script should `wait` for it.
    """

    def __init__(
        self,
        data_root: str,
        config: Config,
        client: Client | Cluster | None,
        proposers: ProposerFactory,
    ) -> None:
        self.data_root = data_root
        self.config = config
        self._client = client
        self._proposers = proposers
        self._stop = StopRequest()
        self._live: LiveRun | None = None
        self._summary: Summary | None = None
        self._error: BaseException | None = None
        self._latest: FrameOutcome | None = None
        # Joining the thread is not safe: after a join that Ctrl-C interrupted, Python 3.11 takes
        # the thread for ended.
        self._ended = threading.Event()
        threading.Thread(target=self._work, name="autorefiner-run", daemon=True).start()

    def _work(self) -> None:
        try:
            client = self._client or shared_client(self.config.cluster)
            self._summary = refine(
                self.data_root, self.config, client, self._proposers, self._stop, [self]
            )
        except (RunStopped, RunInterrupted) as end:
            self._summary, self._error = end.summary, end
        except BaseException as error:
            self._error = error
        finally:
            self._ended.set()

    def is_of(self, data_root: str, config: Config, proposers: ProposerFactory) -> bool:
        """Tell whether the run was started with these arguments."""
        return (self.data_root, self.config, self._proposers) == (data_root, config, proposers)

    @property
    def running(self) -> bool:
        """Whether the run is still at work."""
        return not self._ended.is_set()

    @property
    def progress(self) -> RunState:
        """State of the run: frames done, failed and to do, seconds by stage."""
        live = self._live
        return live.state() if live else RunState(self.data_root, total=0)

    @property
    def error(self) -> BaseException | None:
        """The exception that ended the run early; None otherwise."""
        return self._error

    @property
    def latest(self) -> FrameOutcome | None:
        """The outcome of the last frame that was refined; None before the first."""
        return self._latest

    @property
    def live(self) -> LiveRun | None:
        """The state that the runner keeps up to date; None until frames are sent."""
        return self._live

    def summary(self) -> Summary | None:
        """Return the summary of the frames so far; None before the first frame."""
        return self._summary or (self._live.summary() if self._live else None)

    def failures(self) -> dict[str, Group]:
        """Return the frames that failed so far by reason: their count and a few examples."""
        summary = self.summary()
        return dict(summary.failures) if summary else {}

    def cancel(self) -> None:
        """End the run early: workers finish the frames in hand, which are put on record."""
        self._stop.ask("cancelled")

    def wait(self, timeout: float | None = None) -> Summary:
        """Wait for the end of the run, and return its summary.

        Interrupting the wait, as with Ctrl-C or a notebook's stop button, cancels the run.

        Parameters
        ----------
        timeout
            Seconds.

        Raises
        ------
        TimeoutError
            The run is still at work.
        AutoRefinerError, RunInterrupted
            The run ended early; see `refine_dataset`.
        """
        try:
            self._ended.wait(timeout)
        except KeyboardInterrupt:
            self.cancel()
            raise
        if self._error:
            raise self._error
        if self._summary is None:
            raise TimeoutError(f"{self.data_root}: the run is still at work")
        return self._summary

    # A handle is one of the run's watchers.

    def begin(self, run: LiveRun) -> None:
        """See `Watcher.begin`."""
        self._live = run

    def update(self, run: LiveRun, outcomes: Sequence[FrameOutcome]) -> None:  # noqa: ARG002
        """See `Watcher.update`."""
        done = [outcome for outcome in outcomes if not outcome.failed]
        self._latest = done[-1] if done else self._latest

    def end(self, run: LiveRun) -> None:
        """See `Watcher.end`."""
        log_state(run.state())

    def __repr__(self) -> str:
        state = self.progress
        word = "running" if self.running else "ended"
        return f"<Run of {self.data_root}: {word}, {state.done} done, {state.failed} failed>"

    def _repr_html_(self) -> str:
        if summary := self.summary():
            return summary._repr_html_()
        return f"<pre>{html.escape(repr(self))}</pre>"

    def _ipython_display_(self) -> None:
        from IPython.display import HTML, display

        try:
            from pipeline.run.panel import show_panel
        except ImportError:
            # A notebook without ipywidgets shows the present state, which stays as it is.
            display(HTML(self._repr_html_()))
            return
        show_panel(self)
