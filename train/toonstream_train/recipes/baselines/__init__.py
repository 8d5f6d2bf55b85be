"""Published methods that the papers compare themselves with."""
