"""The demo model: a SAM 2 of a few megabytes, with its trunk, architecture and weights."""
