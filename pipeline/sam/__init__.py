"""SAM 2: checkpoints, the worker-cached model, the proposers."""
