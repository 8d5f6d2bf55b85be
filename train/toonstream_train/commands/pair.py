"""Make pairs for drawing_student from photos and cartoons that nobody paired.

A photo's face is put into a cartoon's head, where the generator learns to draw the cartoon's; and cartoons' features on
a photo's head. Both packs come from prepare, which finds the meshes. The style's proportions are measured, and stay
with the pairs.
"""

import argparse
from pathlib import Path

from toonstream.commands.parser import number_from

EXAMPLES = (
    "toonstream-train pair photos.pack cartoons.pack --out pairs.pack",
    "toonstream-train pair photos.pack cartoons.pack --each 4 --out pairs.pack",
)


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("photos", type=Path, help="a pack with photos, from prepare")
    parser.add_argument("cartoons", type=Path, help="a pack with cartoons of one style, likewise")
    parser.add_argument("--out", type=Path, required=True, metavar="PACK", help="the pack of pairs to write")
    parser.add_argument(
        "--each", type=number_from(1), default=2, metavar="N", help="photos for each cartoon's head (%(default)s)"
    )


def run(args: argparse.Namespace) -> None:
    from dataclasses import asdict

    from toonstream_train.data import pack
    from toonstream_train.data.pairs import pairs

    pack.check_output(args.out)
    photos, cartoons = pack.load(args.photos), pack.load(args.cartoons)
    made, left_out = pairs(photos, cartoons, args.each)
    assert made.shape is not None
    pack.save(made, args.out)
    unused = sum(left_out.values())
    print(f"{args.out}: {len(made)} pairs from {len(cartoons) - unused} cartoons of {len(cartoons)}")
    for reason, count in left_out.most_common():
        print(f"  left out {count}: {reason}")
    print("the style's proportions, which stay with the pairs:\n[shape]")
    for name, value in asdict(made.shape).items():
        print(f"{name} = {list(value) if isinstance(value, tuple) else value}")
