"""A trained recipe -> a style: a folder with the model, its card, its proof and a preview."""

import argparse
from pathlib import Path

CALIBRATION = 48
"""Faces that int8's scales are taken from, spread over the pack."""

SHOWN = 4
"""Faces of the proof and the preview."""

EXAMPLES = ("toonstream-train export small my-style --faces photos.pack",)


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="the folder that fit wrote, or its checkpoint")
    parser.add_argument("style", type=Path, help="the folder to write")
    parser.add_argument(
        "--faces", type=Path, required=True, metavar="PACK", help="crops to verify the export with, and for the preview"
    )
    parser.add_argument("--show", metavar="NAME,NAME", help="which of them (four, spread over the pack)")
    parser.add_argument("--card", type=Path, metavar="TOML", help="entries of the card: about, licences, metrics")


def run(args: argparse.Namespace) -> None:
    import tomllib

    import numpy as np
    from toonstream_engines import load_style
    from toonstream_engines.errors import InputError, UserError
    from toonstream_engines.export import export_shape, export_style
    from toonstream_engines.style import check_words
    from toonstream_engines.table import table

    from toonstream.faces import framing
    from toonstream_train.data import contours, pack
    from toonstream_train.recipes.registry import trained

    made = trained(args.run)
    recipe, generator, state = made.recipe, made.model, made.state
    faces = pack.load(args.faces)
    index = pack.picked(faces, args.faces, args.show, SHOWN)
    try:
        given = tomllib.loads(args.card.read_text(encoding="utf-8")) if args.card else {}
        check_words(given)
    except (OSError, ValueError) as error:
        raise InputError(f"{args.card}: cannot be read ({error}); check the file") from error
    card = {
        "name": args.style.resolve().name,
        "about": f"Trained with the recipe {state['recipe']}",
        "recipe": state["recipe"],
        "steps": state["before"] + state["step"],
        "parameters": sum(p.numel() for p in generator.parameters()),
        **given,
        **recipe.card(),
        "architecture": generator.architecture,
        "framing": {
            "half_side_per_eye_distance": framing.HALF_SIDE_PER_EYE_DISTANCE,
            "half_side_per_eye_to_mouth": framing.HALF_SIDE_PER_EYE_TO_MOUTH,
            "centre_below_eyes": framing.CENTRE_BELOW_EYES,
        },
    }
    others = np.setdiff1d(pack.spread(len(faces), CALIBRATION), index)
    examples = recipe.examples(faces.part(np.array(index)).resized(recipe.side))
    calibration = recipe.examples(faces.part(others).resized(recipe.side)) if len(others) else None
    try:
        if network := recipe.shape_network():
            card["shape"] = export_shape(network, args.style, contours.COUNT)
        tried = export_style(generator, args.style, examples, card, calibration)
    except OSError as error:
        raise UserError(
            f"{args.style}: cannot be written ({error.strerror or error}); free some space or name another"
        ) from error
    print(table(tried))
    if "int8" not in load_style(args.style).models:
        print("int8 is left out: it is no faster here, or differs too much from the original")
    print(f"{args.style}: written; try it with: toonstream photo.jpg --style {args.style}")
