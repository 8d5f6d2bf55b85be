"""The trainer, what a recipe is, settings and checkpoints."""
