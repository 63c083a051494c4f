"""The stack of one checkout: its processes, started in the background, watched until healthy, and stopped."""
