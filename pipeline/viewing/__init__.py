"""A scene in a viewer: images, coarse and refined ids as label layers, frames along a timeline."""
