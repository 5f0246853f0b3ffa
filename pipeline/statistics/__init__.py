"""What a data set says about itself: sizes of objects over time, flicker, change by refinement."""
