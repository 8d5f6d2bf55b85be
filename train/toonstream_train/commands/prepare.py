"""Pictures of faces -> one packed file of aligned crops with landmarks."""

import argparse
from pathlib import Path

HELD_BACK = Path(__file__).parents[1] / "data" / "held_back.txt"

EXAMPLES = (
    "toonstream-train prepare photos/ photos.pack",
    "toonstream-train prepare cartoons/ cartoons.pack --landmarks landmarks.csv",
)


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="pictures, in sub-folders or not")
    parser.add_argument("pack", type=Path, help="the file to write, such as photos.safetensors")
    parser.add_argument(
        "--landmarks", type=Path, metavar="CSV", help="given points, as cartoons need; without: mediapipe"
    )
    parser.add_argument("--held-back", action="store_true", help="pack only the photos held back for comparison")


def run(args: argparse.Namespace) -> None:
    from toonstream_train.data import pack
    from toonstream_train.data.landmarks import detector, from_csv
    from toonstream_train.data.prepare import prepare

    held_back = set(HELD_BACK.read_text().split())

    def wanted(name: str) -> bool:
        return (name in held_back) == bool(args.held_back)

    if args.landmarks:
        known = from_csv(args.landmarks)
        packed, left_out = prepare(
            args.folder, lambda name, _: (known[name], None) if name in known else "no landmarks given", wanted
        )
        if absent := [name for name in known if not (args.folder / name).is_file()]:
            print(f"{args.landmarks}: landmarks for {len(absent)} files that are not there, such as {absent[0]}")
    else:
        with detector() as detect:
            packed, left_out = prepare(args.folder, lambda _, picture: detect(picture) or "no face found", wanted)
    pack.save(packed, args.pack)
    for name, why in left_out.items():
        print(f"{args.folder / name}: {why}, left out")
    print(f"{args.pack}: {len(packed)} pictures packed, {len(left_out)} left out")
