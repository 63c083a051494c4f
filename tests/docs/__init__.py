"""The papers are run and checked like code."""
