"""Where frames live: discover, read, write."""
