"""The command line: one module a command.

Heavy modules are imported inside the commands, so that `--help` is quick.
"""

from __future__ import annotations

import sys
import traceback

import click

from pipeline.cli.compare import compare
from pipeline.cli.demo import demo
from pipeline.cli.evaluate import evaluate
from pipeline.cli.exit_codes import BUG, INTERRUPTED, STOPPED, WRONG_USE
from pipeline.cli.export import export
from pipeline.cli.frame import frame
from pipeline.cli.import_ import import_
from pipeline.cli.mirror import mirror
from pipeline.cli.report import report
from pipeline.cli.review import review
from pipeline.cli.run import run
from pipeline.cli.stats import stats
from pipeline.cli.status import status
from pipeline.cli.tune import tune
from pipeline.cli.verify import verify
from pipeline.cli.view import view
from pipeline.errors import AutoRefinerError, RunStopped, StorageError

COMMANDS = (
    run, status, verify, report, review, frame, compare, tune, mirror, stats, evaluate,
    export, import_, view, demo,
)  # fmt: skip


class SeedFriendlyGroup(click.Group):
    """A group that takes options without a command as those of `run`, for older launch scripts."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Insert `run` where the first word is an option of it."""
        own = {"--help", "--version"}
        if args and args[0].startswith("--") and args[0] not in own:
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group(cls=SeedFriendlyGroup, context_settings={"help_option_names": ["--help"]})
@click.version_option(package_name="autorefiner")
def main() -> None:
    """Turn coarse instance-id maps into sharp ones, with SAM 2, on a Dask cluster."""


for _command in COMMANDS:
    main.add_command(_command)


def entry_point() -> None:
    """Run the command line; print errors that the user can mend in a line, without a traceback."""
    try:
        main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; the same command goes on where this one stopped", err=True)
        sys.exit(INTERRUPTED)
    except AutoRefinerError as error:
        click.echo(f"autorefiner: {error}", err=True)
        sys.exit(STOPPED if isinstance(error, StorageError | RunStopped) else WRONG_USE)
    except Exception:
        traceback.print_exc()
        sys.exit(BUG)
