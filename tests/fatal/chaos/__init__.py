"""The chaos run: a real stack, hundreds of jobs, players, faults drawn from a seed, and an audit at the end."""
