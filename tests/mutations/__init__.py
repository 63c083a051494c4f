"""The runtime broken on purpose, one way at a time: each breakage must turn the test red that is named for it."""
