"""Let the drawing teacher draw every crop of a pack, and store the drawings in it.

The drawings lie as PNG beside the pack, so that an interrupted run resumes and a person can correct one.
"""

import argparse
from pathlib import Path

from toonstream.commands.parser import number_from

EXAMPLES = (
    "toonstream-train draw photos.pack --look film",
    "toonstream-train draw photos.pack --most 500 --out some.pack",
)


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pack", type=Path, help="a pack with photos, from prepare")
    parser.add_argument("--look", default="film", help="which teacher draws: film, anime or cel (%(default)s)")
    parser.add_argument("--out", type=Path, help="write another pack instead of adding to this one")
    parser.add_argument("--folder", type=Path, help="for the PNGs (beside the pack, one for each look)")
    parser.add_argument(
        "--most", type=number_from(1), metavar="N", help="draw only N crops, evenly from all sources (all)"
    )
    parser.add_argument(
        "--blinks", type=number_from(0), default=0, metavar="N", help="add N of them with their eyes closed (0)"
    )
    parser.add_argument(
        "--webcams", type=number_from(0), default=0, metavar="N", help="add N as a webcam in a room has them (0)"
    )
    parser.add_argument("--workers", type=number_from(1), default=2, help="processes to draw with (2)")


def run(args: argparse.Namespace) -> None:
    from toonstream_engines.errors import InputError

    from toonstream.commands.options import heed_interrupts
    from toonstream_train.data import pack
    from toonstream_train.data.drawings import draw_all
    from toonstream_train.drawing import LOOKS

    if args.look not in LOOKS:
        raise InputError(f"there is no look {args.look}; there are: {', '.join(LOOKS)}")
    if (args.most or args.blinks or args.webcams) and not args.out:
        raise InputError("--most leaves crops out, --blinks and --webcams add some: name another pack with --out")
    if args.out:
        pack.check_output(args.out)
    heed_interrupts()
    photos = pack.load(args.pack)
    folder = args.folder or args.pack.with_name(f"{args.pack.stem}-{args.look}")
    drawn = draw_all(photos, args.look, folder, args.workers, args.most, args.blinks, args.webcams)
    pack.save(drawn, args.out or args.pack)
    print(f"{args.out or args.pack}: {len(drawn)} crops with their drawings, from {len(photos)} in {args.pack}")
