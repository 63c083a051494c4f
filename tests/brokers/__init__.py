"""Brokers, each with real threads, processes and kills."""
