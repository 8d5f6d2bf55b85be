"""Train a recipe on packs; run again, it goes on where it was.

It first measures how long the run will take here. The folder gets the checkpoint, curves for TensorBoard, and grids of
pictures.
"""

import argparse
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from toonstream_train.recipes.registry import RECIPES

DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "32-true", "bf16-mixed")
PRESETS = Path(__file__).parents[1] / "configs"

EXAMPLES = (
    "toonstream-train fit quick --photos photos.pack --cartoons cartoons.pack --out run",
    "toonstream-train fit cartoongan --preset paper --data photos=p.pack --data cartoons=c.pack --out run",
    "toonstream-train fit drawing_student --preset film --photos film.pack --out run",
)


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", metavar="RECIPE", help=", ".join(name for name in RECIPES if name != "distill"))
    parser.add_argument("--cartoons", type=Path, metavar="PACK", help="the same as --data cartoons=PACK")
    running(parser)


def running(parser: argparse.ArgumentParser) -> None:
    """The options of everything that trains."""
    parser.add_argument("--photos", type=Path, metavar="PACK", help="the same as --data photos=PACK")
    parser.add_argument(
        "--data", action="append", default=[], metavar="NAME=PACK", help="a pack, under the recipe's name for it"
    )
    parser.add_argument(
        "--preview", type=Path, metavar="PACK", help="faces for the picture grids (those of the photos)"
    )
    parser.add_argument("--start", type=Path, metavar="RUN", help="start with the weights of another run or a style")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="checkpoint, curves and grids")
    settings = parser.add_mutually_exclusive_group()
    settings.add_argument("--preset", metavar="NAME", help="settings that ship with the recipe, such as paper")
    settings.add_argument("--settings", type=Path, metavar="TOML", help="settings of your own")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="one setting, as in the TOML")
    parser.add_argument("--device", choices=DEVICES, default="auto", help="(%(default)s)")
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        default="auto",
        help="auto takes bf16-mixed where the processor or GPU has units for it (%(default)s)",
    )


def run(args: argparse.Namespace) -> None:
    import torch
    from lightning_fabric import Fabric
    from toonstream_engines.errors import InputError

    from toonstream_train.core import settings
    from toonstream_train.core.forecast import forecast, in_words
    from toonstream_train.core.recipe import check_drawings, check_sources
    from toonstream_train.core.trainer import Trainer
    from toonstream_train.data import pack
    from toonstream_train.recipes.registry import recipe

    kind = recipe(args.recipe)
    chosen = settings.read(kind.defaults, preset(args.recipe, args.preset) or args.settings, args.set)
    packs = {name: pack.load(path) for name, path in data(args).items()}
    check_drawings(kind, packs)
    # what the user wrote alone: a preset may name sources that other people's packs lack
    check_sources(settings.read(kind.defaults, args.settings, args.set), packs)
    preview = pack.load(args.preview) if args.preview else packs.get(next(iter(kind.packs)))
    if preview is None:
        raise InputError("there are no faces for the picture grids; add --photos PACK, or --preview PACK")
    precision = bf16_where_fast(args.device) if args.precision == "auto" else args.precision
    try:
        fabric = Fabric(accelerator=args.device, precision=precision, **processes())  # type: ignore[arg-type]
    except RuntimeError as error:
        raise InputError(f"--device {args.device}: this machine has none that torch can use; try auto") from error
    fabric.launch()
    if "OMP_NUM_THREADS" not in os.environ:  # a core for the thread that makes batches, or all wait
        torch.set_num_threads(max(1, torch.get_num_threads() - 1))
    torch.manual_seed(chosen.training.seed)
    with run_folder(args.out):
        trainer = Trainer(kind(chosen), args.out, fabric)
        if not trainer.steps:
            raise InputError("these settings have no steps to train; give some, such as --set steps=1000")
        if args.start:
            trainer.start_from(args.start)
        trainer.feed(packs)
        paces = forecast(trainer)
        if not paces:
            print(
                f"{args.out}: at step {trainer.step} of {trainer.steps}, nothing is left to train; give it more steps"
            )
            return
        if fabric.is_global_zero:
            print(f"{in_words(paces, chosen)} ({fabric.device}, {torch.get_num_threads()} threads, {precision})")
            print(f"curves: tensorboard --logdir {args.out}; pictures: {args.out / 'grids'}", flush=True)
        trainer.fit(preview)


@contextmanager
def run_folder(path: Path) -> Iterator[None]:
    """Make the folder first, since what is to lie in it takes long; a new one goes again where nothing came into it.

    Raises InputError where it cannot be made.
    """
    from toonstream_engines.errors import InputError

    new = not path.exists()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be made ({error.strerror}); give another --out") from error
    try:
        yield
    except BaseException:
        if new:
            with suppress(OSError):  # it is not empty
                path.rmdir()
        raise


def data(args: argparse.Namespace) -> dict[str, Path]:
    """Name -> pack, from --data and its other spellings."""
    packs = {name: path for name in ("photos", "cartoons") if (path := getattr(args, name))}
    return packs | named_packs("--data", args.data)


def named_packs(option: str, texts: Sequence[str]) -> dict[str, Path]:
    """Name -> pack, of an option NAME=PACK. Raises InputError where one has no name."""
    from toonstream_engines.errors import InputError

    packs = {}
    for text in texts:
        name, equals, path = text.partition("=")
        if not equals or not path:
            raise InputError(f"{option} {text}: write it as NAME=PACK, such as photos=photos.pack")
        packs[name] = Path(path)
    return packs


def preset(recipe: str, name: str | None) -> Path | None:
    """The file of a recipe's preset; None for no name. Raises InputError where the recipe has none of that name."""
    from toonstream_engines.errors import InputError

    if name is None:
        return None
    known = {path.stem: path for path in sorted((PRESETS / recipe).glob("*.toml"))}
    if name not in known:
        raise InputError(f"{recipe} has no preset {name!r}; there are: {', '.join(known) or 'none'}")
    return known[name]


def bf16_where_fast(device: str) -> str:
    """Fabric's name of the precision: bf16-mixed with units for it in the CPU or GPU, else 32-true."""
    import torch

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if device == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # older versions do not tell
        fast = device == "cpu" and any(capabilities.get(unit) for unit in ("amx_bf16", "avx512_bf16"))
    return "bf16-mixed" if fast else "32-true"


def processes() -> dict[str, int]:
    """One, or as many as torchrun started."""
    if "WORLD_SIZE" not in os.environ:
        return {"devices": 1}
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    return {"devices": local, "num_nodes": int(os.environ["WORLD_SIZE"]) // local}
