"""AutoRefiner: sharp instance-id maps from coarse ones, with SAM 2, at data-set scale."""
