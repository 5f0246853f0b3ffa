"""The steps of an import: match images with frames, check all maps, write them."""
