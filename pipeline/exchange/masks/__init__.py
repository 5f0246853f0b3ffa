"""Masks in the encodings of other tools: run lengths, polygons, cut-outs, PNGs."""
