"""What a style is judged by, one family of measures a file. Pictures are uint8 (N, H, W, 3) RGB throughout."""
