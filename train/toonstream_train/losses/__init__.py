"""Losses: pure functions of tensors. Pictures are (B, 3, H, W) in [-1, 1], results scalars."""
