"""Worked examples that ship with Aetheris."""
