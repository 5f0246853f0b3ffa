"""The work: one frame, partitions of frames on a Dask cluster, and the run as a whole."""
