"""Live video: the newest frame wins, delay is bounded, and a real face that was found never shows again."""
