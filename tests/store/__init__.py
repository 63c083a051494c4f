"""The conformance suite of the door: what every database must keep, SQLite and Postgres alike."""
