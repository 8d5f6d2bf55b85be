"""Train methods alike, for as long as there is time, and compare them in one table; run again, it goes on.

Each method trains in OUT/METHOD as by `fit`, with its preset `small` where it has one. Then each is exported to
OUT/styles, all are evaluated together, and OUT/comparison.md and a picture for each direction are written. Steps see
equally many pictures, but for those of PDA's detector and classifiers, before translation (`pretraining_batch`).
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from toonstream.commands.parser import number_from
from toonstream_train.commands import export, fit
from toonstream_train.evaluation.methods import ABLATIONS, COMPARED, METHODS, ablation

if TYPE_CHECKING:
    from toonstream_train.evaluation.comparison import Run

BATCH = 2
"""Pictures a step, for all: DistanceGAN compares two."""
MOST_BYTES = 400_000
"""Of a direction's picture: small enough to commit."""

EXAMPLES = (
    "toonstream-train compare --photos p.pack --cartoons c.pack --held-back photos=held.pack --out compared",
    "toonstream-train compare unit munit --photos p.pack --cartoons c.pack --minutes 60 --out compared",
    "toonstream-train compare --ablation pda --photos p.pack --cartoons c.pack --out ablated",
)


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("methods", nargs="*", metavar="METHOD", help="those to compare (all but ablations' variants)")
    parser.add_argument(
        "--ablation",
        action="append",
        default=[],
        choices=sorted({method.recipe for method in ABLATIONS.values()}),
        help="a method and the variants of it that its paper tries; may be given again",
    )
    parser.add_argument("--photos", type=Path, metavar="PACK", help="the same as --data photos=PACK")
    parser.add_argument("--cartoons", type=Path, metavar="PACK", help="the same as --data cartoons=PACK")
    parser.add_argument(
        "--data", action="append", default=[], metavar="NAME=PACK", help="a pack, under the recipes' name for it"
    )
    parser.add_argument(
        "--held-back",
        action="append",
        default=[],
        metavar="NAME=PACK",
        help="pictures to measure on, that are like those of the pack NAME (those of training)",
    )
    parser.add_argument("--size", type=number_from(32), default=128, help="side of a picture in training (%(default)s)")
    parser.add_argument("--steps", type=number_from(1), default=2000, help="of each method (%(default)s)")
    parser.add_argument("--minutes", type=float, help="for training, shared out (until all is done)")
    parser.add_argument(
        "--at-once", type=number_from(1), default=1, metavar="N", help="methods that train together (%(default)s)"
    )
    parser.add_argument("--device", choices=fit.DEVICES, default="auto", help="(%(default)s)")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")


def run(args: argparse.Namespace) -> None:
    from toonstream_engines.errors import InputError, UserError

    from toonstream_train.data import pack
    from toonstream_train.data.dataset import Geometry
    from toonstream_train.evaluation import report
    from toonstream_train.evaluation.cells import write_jpeg
    from toonstream_train.evaluation.comparison import faces_of_picture, picture, table, train
    from toonstream_train.evaluation.evaluation import Evaluation, evaluate
    from toonstream_train.evaluation.generators import generators

    if unknown := [name for name in args.methods if name not in METHODS]:
        raise InputError(f"{unknown[0]}: no such method; there are {', '.join(METHODS)}")
    if args.minutes is not None and not args.minutes >= 0:
        raise InputError(f"--minutes {args.minutes:g}: it has to be 0 or more")
    Geometry(args.size)  # raises what would else keep every method from training
    data, held_back = fit.data(args), fit.named_packs("--held-back", args.held_back)
    if unlike := [name for name in held_back if name not in data]:
        raise InputError(
            f"--held-back {unlike[0]}: none of that name to train on; there are {', '.join(data) or 'none'}"
        )
    drawn = data | held_back
    packs = {path: pack.load(path) for path in dict.fromkeys((*data.values(), *drawn.values()))}
    if few := [path for path, faces in packs.items() if len(faces) < 4]:
        raise InputError(f"{few[0]}: with fewer than four pictures there is nothing to compare")

    asked = [*args.methods, *(name for recipe in args.ablation for name in ablation(recipe))]
    runs = [planned(name, args, data) for name in dict.fromkeys(asked or COMPARED)]
    try:
        args.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{args.out}: cannot be made ({error.strerror}); give another --out") from error
    train(runs, args.minutes, args.at_once)
    styles: dict[str, list[str]] = {}  # by direction
    for one in runs:
        try:
            if one.steps and one.done():
                export_run(one, drawn[one.method.source])
                styles.setdefault(one.method.direction, []).append(str(one.style))
        except UserError as error:
            one.trouble = str(error)
    evaluations: dict[str, Evaluation] = {}
    pictures = []
    for direction, of_direction in styles.items():
        source, target = direction.split(" to ")
        faces = packs[drawn[source]]
        with generators(of_direction, [], faces.images[:4]) as engines:
            evaluation = evaluations[direction] = evaluate(faces, engines, packs[data[target]])
        name = direction.replace(" ", "-")
        report.write(evaluation, args.out / name, faces_of_picture(len(faces)))
        write_jpeg(picture(evaluation), args.out / f"{name}.jpg", MOST_BYTES)
        measured_on = f"{len(faces)} {source}, against {len(packs[data[target]])} {target}"
        pictures += [f"{direction}, measured on {measured_on}:", f"![{direction}]({name}.jpg)"]
    head = f"{args.size} pixels, {args.steps:,} steps of {BATCH} pictures, small networks."
    text = "\n\n".join(["# Comparison", head, table(runs, evaluations).rstrip(), *pictures]) + "\n"
    try:
        (args.out / "comparison.md").write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{args.out}: cannot be written ({error.strerror}); give another --out") from error
    print(f"{args.out / 'comparison.md'}: written")
    if not styles and (troubles := [one.trouble for one in runs if one.trouble]):
        raise UserError(f"nothing was trained, as {args.out / 'comparison.md'} says: {troubles[0]}")


def planned(name: str, args: argparse.Namespace, data: Mapping[str, Path]) -> "Run":
    """The method's run, with the options of `fit` that make it comparable: size, steps, batch, small networks."""
    from toonstream_engines.errors import InputError

    from toonstream_train.core import settings
    from toonstream_train.data.pack import SIZE
    from toonstream_train.evaluation.comparison import Run
    from toonstream_train.recipes.registry import recipe

    method = METHODS[name]
    kind = recipe(method.recipe)
    scale = args.size / SIZE  # whole crops
    given = [
        *(f"{setting}={max(1, round(share * args.steps))}" for setting, share in method.steps.items()),
        f"batch={BATCH}",
        f"geometry.size={args.size}",
        f"geometry.scale=[{scale}, {scale}]",
        *method.settings,
    ]
    small = fit.PRESETS / method.recipe / "small.toml"
    options = ["--device", args.device, *(["--settings", str(small)] if small.is_file() else [])]
    options += [part for assignment in given for part in ("--set", assignment)]
    given_packs = {known: data.get(method.packs.get(known, known)) for known in kind.packs}
    options += [part for known, path in given_packs.items() if path for part in ("--data", f"{known}={path}")]
    one = Run(name, method, args.out / name, 0, options)
    if absent := [needed for needed in method.packs.values() if needed not in data]:
        one.trouble = f"there is no pack {absent[0]!r}; add --data {absent[0]}=PACK"
        return one
    try:
        chosen = settings.read(kind.defaults, small if small.is_file() else None, given)
        one.steps = sum(stage.steps for stage in kind(chosen).stages())
    except InputError as error:  # as of pictures too small for its networks
        one.trouble = str(error)
    return one


def export_run(run: "Run", faces: Path) -> None:
    """As a style, unless it was at this step."""
    from toonstream_engines.style import load_style

    if not (run.style / "card.toml").is_file() or load_style(run.style).card["steps"] != run.done():
        export.run(argparse.Namespace(run=run.folder, style=run.style, faces=faces, show=None, card=None))
