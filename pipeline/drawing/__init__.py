"""Id maps as pictures: colours, overlays, what changed."""
