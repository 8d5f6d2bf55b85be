"""Compress a pack, to upload it to the machine that trains: pictures as WebP, 25 kB a face with its drawing."""

import argparse
from pathlib import Path

from toonstream.commands.parser import number_from

EXAMPLES = ("toonstream-train compress photos.pack small.pack --most 5000",)


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pack", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument(
        "--most", type=number_from(1), metavar="N", help="keep only N crops, evenly from all sources (all)"
    )
    parser.add_argument("--quality", type=int, default=85, help="of WebP, 1 to 100 (%(default)s)")


def run(args: argparse.Namespace) -> None:
    import numpy as np
    from toonstream_engines.errors import InputError

    from toonstream_train.data import pack

    if not 1 <= args.quality <= 100:
        raise InputError("--quality is from 1 to 100")
    pack.check_output(args.out)
    whole = pack.load(args.pack)
    part = whole.part(pack.shared_out(np.arange(len(whole)), whole.sources)[: args.most])
    pack.save(part, args.out, args.quality)
    print(f"{args.out}: {len(part)} of {len(whole)} crops in {args.out.stat().st_size / 1e6:.1f} MB")
