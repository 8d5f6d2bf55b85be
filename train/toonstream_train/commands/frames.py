"""Show clips as styles draw them, frame by frame beside the source, to be judged by eye.

Writes one JPEG: a row for each moment, cropped around the largest face where frames are large.
"""

import argparse
from pathlib import Path

EXAMPLES = ("toonstream-train frames talk.mp4 --styles cel film my-style --out frames.jpg",)


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("clips", nargs="+", type=Path, metavar="VIDEO")
    parser.add_argument(
        "--styles", nargs="+", required=True, metavar="STYLE", help="shipped styles by name, or styles' folders"
    )
    parser.add_argument(
        "--every", type=_seconds, default=0.5, metavar="SECONDS", help="from one row to the next (%(default)s)"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="JPG")


def run(args: argparse.Namespace) -> None:
    from toonstream_train.evaluation import frames
    from toonstream_train.evaluation.cells import write_jpeg

    rows = frames.rows(args.clips, args.styles, args.every)
    write_jpeg(rows, args.out)
    print(f"{args.out}: {len(rows)} moments of {len(args.clips)} clips, the source and {len(args.styles)} styles")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text}: no number of seconds above 0")
    return seconds
