"""Train a recipe on packs; run again, it goes on where it was."""

import argparse
from pathlib import Path

EXAMPLES = (
    "toonstream-train fit cartoongan --photos photos.pack --cartoons cartoons.pack --out run",
    "toonstream-train fit cartoongan --photos photos.pack --cartoons cartoons.pack --out run  # goes on",
)


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
    devices, precisions = ("auto", "cpu", "cuda", "mps"), ("32-true", "bf16-mixed")
    parser.add_argument("--device", choices=devices, default="auto", metavar="NAME", help="auto, cpu, cuda, mps (auto)")
    parser.add_argument(
        "--precision", choices=precisions, default="32-true", metavar="NAME", help="32-true or bf16-mixed (32-true)"
    )


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
    try:
        fabric = Fabric(accelerator=args.device, precision=args.precision, **processes())  # type: ignore[arg-type]
    except RuntimeError as error:
        raise InputError(f"--device {args.device}: this machine has none that torch can use; try auto") from error
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
