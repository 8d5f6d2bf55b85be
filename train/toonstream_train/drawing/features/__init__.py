"""Features that several looks share."""
