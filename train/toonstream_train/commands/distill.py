"""Teach a trained style to a generator small enough for a laptop's CPU."""

import argparse
from pathlib import Path

from toonstream_train.commands import fit

EXAMPLES = ("toonstream-train distill run --photos photos.pack --out small",)


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("teacher", type=Path, help="the folder that fit wrote, or its checkpoint")
    fit.running(parser)


def run(args: argparse.Namespace) -> None:
    args.recipe, args.cartoons = "distill", None
    args.set = [f"teacher={args.teacher}", *args.set]
    fit.run(args)
