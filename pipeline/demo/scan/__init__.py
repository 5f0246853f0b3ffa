"""A noisy scan of a room: one wrong mesh, and what cameras see of it."""
