"""Measure styles, and other projects' generators beside them, on photos that none of them was trained on.

Writes evaluation.json, evaluation.txt (a table) and evaluation.png; with --sheet, sheet.jpg. Distances to cartoons are
those of the set given with --cartoons: evaluate styles that aim at other cartoons in a run of their own.
"""

import argparse
from pathlib import Path

from toonstream_train.commands.fit import run_folder

EXAMPLES = ("toonstream-train evaluate cel film --photos held-back.pack --cartoons cartoons.pack --out evaluation",)


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("styles", nargs="*", metavar="STYLE", help="shipped styles by name, or styles' folders")
    parser.add_argument(
        "--photos",
        type=Path,
        required=True,
        metavar="PACK",
        help="as made by prepare --only",
    )
    parser.add_argument("--only", type=Path, metavar="FILE", help="use only the photos that it lists, one name a line")
    parser.add_argument(
        "--cartoons",
        type=Path,
        required=True,
        metavar="PACK",
        help="what the styles should look like: its drawings, else its pictures",
    )
    parser.add_argument(
        "--peer",
        action="append",
        default=[],
        metavar="ONNX[:WORDS]",
        help="a published generator, float32; layout and range are detected, or given: model.onnx:bgr,0..1",
    )
    parser.add_argument(
        "--clip", type=Path, metavar="VIDEO", help="with one face: warping error, openings and gaze along it"
    )
    parser.add_argument("--inception", type=Path, metavar="PT", help="inception-2015-12-05.pt, for FID and KID")
    parser.add_argument("--show", metavar="NAME,NAME", help="the photos of the picture (ten, spread over the pack)")
    parser.add_argument(
        "--sheet",
        action="store_true",
        help="a larger picture too: a row of each of up to 40 photos, spread over sources",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")


def run(args: argparse.Namespace) -> None:
    import numpy as np
    from toonstream_engines.errors import InputError

    from toonstream_train.data import pack
    from toonstream_train.data.prepare import names_in
    from toonstream_train.evaluation import report, sheet
    from toonstream_train.evaluation.cells import write_jpeg
    from toonstream_train.evaluation.evaluation import evaluate
    from toonstream_train.evaluation.generators import generators

    if not args.styles and not args.peer:
        raise InputError("nothing to evaluate; name a style, or a generator with --peer")
    photos, cartoons = pack.load(args.photos), pack.load(args.cartoons)
    if args.only:
        listed = names_in(args.only)
        photos = photos.part(np.array([i for i, name in enumerate(photos.names) if name in listed], int))
    if len(photos) < 4 or len(cartoons) < 4:
        raise InputError(f"{args.photos}, {args.cartoons}: with fewer than four pictures there is nothing to compare")
    columns = pack.picked(photos, args.photos, args.show, report.COLUMNS)
    with run_folder(args.out):
        with generators(args.styles, args.peer, photos.images[columns[:4]]) as engines:
            evaluation = evaluate(photos, engines, cartoons, args.clip, args.inception)
        print(report.write(evaluation, args.out, columns), end="")
        if args.sheet:
            write_jpeg(sheet.rows(evaluation, photos), args.out / "sheet.jpg", sheet.MOST_BYTES)
