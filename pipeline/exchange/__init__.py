"""Results as other tools want them, and corrected masks back: one module a format."""
