"""The work of an export: which frames, cut into which parts, written to which folder."""
