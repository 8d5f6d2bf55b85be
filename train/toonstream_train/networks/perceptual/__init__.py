"""Pretrained networks that losses look through."""
