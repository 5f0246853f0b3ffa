"""The records of runs on disk, and the way to open a data set with them."""
