"""Turn a folder of pictures into a pack: one file of aligned face crops with their landmarks.

Every picture that is of no use is named with the reason. The last line counts all that are left out.

Columns of the CSV, in any order, separated by commas, in UTF-8:
  file                           path of the picture within the folder, such as heroes/0001.png
  eye_right_x, eye_right_y       the person's right eye, which is on the picture's left
  eye_left_x, eye_left_y         the other eye
  nose_x, nose_y                 tip of the nose
  mouth_right_x, mouth_right_y   corner of the mouth on the picture's left
  mouth_left_x, mouth_left_y     the other corner
  x0, y0, x1, y1 and so on       optional: all points of a further set, of 17, 56, 68 or 478
in pixels from the picture's top-left corner. Other columns are ignored. A picture without numbers is left out.
"""

import argparse
from pathlib import Path

EXAMPLES = (
    "toonstream-train prepare photos/ photos.pack",
    "toonstream-train prepare cartoons/ cartoons.pack --landmarks cartoons.csv",
)


def options(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("folder", type=Path, help="pictures, in sub-folders or not")
    parser.add_argument("pack", type=Path, help="the file to write, such as photos.pack")
    parser.add_argument(
        "--landmarks",
        type=Path,
        metavar="CSV",
        help="five points a picture, for cartoons; without it, faces are detected as in photos",
    )
    lists = parser.add_mutually_exclusive_group()
    lists.add_argument(
        "--held-back",
        type=Path,
        metavar="FILE",
        help="leave out the pictures that it lists, one name a line, for evaluation",
    )
    lists.add_argument("--only", type=Path, metavar="FILE", help="pack only the pictures that it lists")


def run(args: argparse.Namespace) -> None:
    from collections import Counter

    from toonstream_train.data import pack
    from toonstream_train.data.landmarks import detector, from_csv
    from toonstream_train.data.prepare import names_in, prepare

    pack.check_output(args.pack)
    held_back = names_in(args.held_back) if args.held_back else set[str]()
    only = names_in(args.only) if args.only else None

    def excluded(name: str) -> str:
        if name in held_back:
            return f"held back by {args.held_back}"
        return f"not in {args.only}" if only is not None and name not in only else ""

    known = from_csv(args.landmarks) if args.landmarks else {}
    if args.landmarks:
        packed, left_out = prepare(args.folder, lambda name, _: known.get(name, "no landmarks given"), excluded)
    else:
        with detector() as detect:
            packed, left_out = prepare(args.folder, lambda _, picture: detect(picture) or "no face found", excluded)
    pack.save(packed, args.pack)
    for table, names in ((args.landmarks, known), (args.held_back, sorted(held_back)), (args.only, sorted(only or ()))):
        if absent := [name for name in names if not (args.folder / name).is_file()]:
            print(f"{table}: names that no file has: {len(absent)}, such as {absent[0]}")
    for name, why in left_out.items():
        if not excluded(name):  # a list may leave out thousands, among which nobody sees the others
            print(f"{args.folder / name}: left out, {why}")
    reasons = ", ".join(f"{count} {why}" for why, count in Counter(left_out.values()).most_common())
    total = len(packed) + len(left_out)
    print(
        f"{args.pack}: {len(packed)} of {total} pictures packed, {len(left_out)} left out"
        + f" ({reasons})" * bool(reasons)
    )
