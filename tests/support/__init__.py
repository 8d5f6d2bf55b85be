"""What tests share."""

from pathlib import Path

CLIP = Path(__file__).parents[1] / "sample" / "talking-head.mp4"
"""180 frames of a talking head, drawn by tests/sample/make.py."""
