"""Our own entries: each is a process of its own that does one case once, as the peers' drivers do."""
