"""Projects of other people that host the runtime."""
