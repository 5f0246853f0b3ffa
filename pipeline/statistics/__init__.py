"""Objects over time, counted from the mirror: sizes, flicker, change by refinement."""
