"""Masks as the formats of other tools hold them: runs, polygons, cut-outs, pictures."""
