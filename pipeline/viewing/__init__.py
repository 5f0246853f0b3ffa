"""A scene in rerun or napari: images, coarse and refined ids."""
