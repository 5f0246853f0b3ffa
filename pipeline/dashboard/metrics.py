"""The figures of the page as Prometheus metrics, under the scheduler's own `/metrics`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import prometheus_client
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pipeline.dashboard.state import TOPIC, WORKER_METRIC, history, speed


class RunCollector(Collector):
    """Collects the metrics of a scheduler whenever Prometheus asks."""

    def __init__(self, scheduler: Any) -> None:
        self.scheduler = scheduler

    def describe(self) -> list[Metric]:
        """Return no names in advance, as they depend on the run."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield the state of the latest run, and of every worker that has sent its own."""
        states = history(self.scheduler.get_events(TOPIC))
        if states:
            run = states[-1]
            frames = GaugeMetricFamily(
                "autorefiner_frames", "Frames of the latest run by state", labels=["state"]
            )
            for name in ("done", "failed", "todo", "kept"):
                frames.add_metric([name], getattr(run, name))
            yield frames
            yield GaugeMetricFamily(
                "autorefiner_frames_per_second", "Speed over the last minute", value=speed(states)
            )
            stages = CounterMetricFamily(
                "autorefiner_stage_seconds", "Time by stage, over all workers", labels=["stage"]
            )
            for stage, seconds in run.stage_seconds.items():
                stages.add_metric([stage], seconds)
            yield stages
        yield from _of_workers(self.scheduler)


def _of_workers(scheduler: Any) -> Iterator[Metric]:
    meanings = {
        "model_seconds": ("autorefiner_model_load_seconds", "Time that loading the model took"),
        "device_memory": ("autorefiner_device_memory_bytes", "GPU memory in use by torch"),
        "device_memory_peak": ("autorefiner_device_memory_peak_bytes", "Its peak"),
        "model_busy": ("autorefiner_model_busy_ratio", "Share of the time the model worked in"),
        "device_busy": ("autorefiner_device_busy_ratio", "Utilisation of the GPU"),
    }
    for field, (name, meaning) in meanings.items():
        family = GaugeMetricFamily(name, meaning, labels=["worker"])
        for worker in list(scheduler.workers.values()):
            value = (worker.metrics.get(WORKER_METRIC) or {}).get(field)
            if value is not None:
                family.add_metric([str(worker.name)], value)
        yield family


def register(scheduler: Any) -> RunCollector:
    """Add a collector to the metrics of the scheduler's process, and return it."""
    collector = RunCollector(scheduler)
    prometheus_client.REGISTRY.register(collector)
    return collector


def unregister(collector: RunCollector) -> None:
    """Remove a collector from the metrics of this process."""
    prometheus_client.REGISTRY.unregister(collector)
