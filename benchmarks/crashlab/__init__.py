"""What a crash between an effect and its record does to each runtime: kill it there, resume it, count the effects."""
