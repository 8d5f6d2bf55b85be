"""Train a recipe on packs; run again, it goes on where it was."""

import argparse
from pathlib import Path


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", help="such as cartoongan")
    parser.add_argument("--cartoons", type=Path, metavar="PACK", help="what to look like (the photos' own drawings)")
    running(parser)


def running(parser: argparse.ArgumentParser) -> None:
    """The options of everything that trains."""
    parser.add_argument("--photos", type=Path, required=True, metavar="PACK")
    parser.add_argument("--preview", type=Path, metavar="PACK", help="faces for the picture grids (the photos)")
    parser.add_argument("--start", type=Path, metavar="RUN", help="another run, to begin with what it learned")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="checkpoint, curves and grids")
    parser.add_argument("--settings", type=Path, metavar="TOML", help="settings other than the paper's")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="one setting, as in the TOML")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, mps (auto)")
    parser.add_argument("--precision", default="32-true", help="32-true or bf16-mixed (32-true)")


def run(args: argparse.Namespace) -> None:
    import torch
    from lightning_fabric import Fabric
    from toonstream_engines.errors import InputError

    from toonstream_train.core import settings
    from toonstream_train.core.trainer import Trainer
    from toonstream_train.data import pack
    from toonstream_train.recipes import recipe

    kind = recipe(args.recipe)
    chosen = settings.read(kind.defaults, args.settings, args.set)
    photos = pack.load(args.photos)
    cartoons = pack.load(args.cartoons) if args.cartoons else None
    preview = pack.load(args.preview) if args.preview else photos
    try:
        args.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{args.out}: cannot be made ({error.strerror}); give another --out") from error
    fabric = Fabric(accelerator=args.device, precision=args.precision, **processes())  # type: ignore[arg-type]
    fabric.launch()
    torch.manual_seed(chosen.training.seed)
    trainer = Trainer(kind(chosen), args.out, fabric)
    if args.start:
        trainer.start_from(args.start)
    trainer.fit(photos, cartoons, preview)


def processes() -> dict[str, int]:
    """One, or as many as torchrun started."""
    import os

    if "WORLD_SIZE" not in os.environ:
        return {"devices": 1}
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    return {"devices": local, "num_nodes": int(os.environ["WORLD_SIZE"]) // local}
