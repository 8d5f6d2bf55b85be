"""Networks that recipes share. Pictures are (N, 3, H, W) float in [-1, 1]."""
