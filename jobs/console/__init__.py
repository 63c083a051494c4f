"""The console: pages for the people who run, watch and approve. Drawn by the server; scripts only refresh them."""
