"""Plugins on workers that may die at any moment."""

from __future__ import annotations

from contextlib import suppress

from distributed import Client, WorkerPlugin


def give_to_workers(client: Client, plugin: WorkerPlugin) -> None:
    """Set a plugin up on every worker, now or when it starts.

    The scheduler keeps it before it tells the workers: one that dies over the message has it when
    it is back.
    """
    with suppress(OSError):
        client.register_plugin(plugin)


def take_from_workers(client: Client, name: str) -> None:
    """Take a plugin from every worker; one that never had it, or dies over it, is no news."""
    if client.status != "running":
        return
    with suppress(OSError, KeyError, ValueError):
        client.unregister_worker_plugin(name)
