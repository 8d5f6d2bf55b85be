"""What several teachers draw with."""
