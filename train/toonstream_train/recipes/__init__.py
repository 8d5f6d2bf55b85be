"""Recipes, one file each, in their papers' own order. None imports another."""
