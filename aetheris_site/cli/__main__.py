"""`python -m aetheris_site.cli`, which the launcher in bin/ calls."""

from . import main

main()
