"""Who did what, when, why, and the proof: reads the house, writes nothing of it."""
