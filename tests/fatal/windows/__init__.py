"""Every moment at which a process can die, as a table; `playing` plays them, `table` prints them."""
