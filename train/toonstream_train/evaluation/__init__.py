"""Measures of a style, one family a file. Pictures are uint8 (N, H, W, 3) RGB throughout."""
