"""From masks and coarse ids to refined ids: pure functions of arrays."""
