"""A small payment service, run as a process of its own, that can be told to misbehave.

It plays the outside world in the refund example: `python -m examples.payments --port N --db FILE`.
Nothing here imports Aetheris or Django, so the witness shares no code with what it watches.
"""
