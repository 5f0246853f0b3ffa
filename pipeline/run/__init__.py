"""Running: the plan, one frame's way through the stages, partitions on a Dask cluster."""
