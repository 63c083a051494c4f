"""The fatal tests: real processes that are killed, stopped and continued over a real database and a real broker."""
