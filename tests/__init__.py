"""What the house promises, tried: pure laws first, then the store, the faces, and real processes that die."""
