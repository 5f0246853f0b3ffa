"""A noisy scan of a room: one wrong mesh, and its renders for the cameras."""
