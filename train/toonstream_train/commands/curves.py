"""Draw a run's losses, as TensorBoard shows them, into one picture."""

import argparse
from pathlib import Path

EXAMPLES = ("toonstream-train curves run",)


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="the folder that fit wrote")
    parser.add_argument("--out", type=Path, metavar="PNG", help="(curves.png in the run's folder)")


def run(args: argparse.Namespace) -> None:
    from toonstream_engines.errors import InputError, UserError
    from toonstream_engines.part import whole

    from toonstream_train.core.curves import read_curves

    curves = read_curves(args.run)
    if not curves:
        raise InputError(f"{args.run}: no run with curves; name the folder that `toonstream-train fit` wrote")

    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    columns = min(4, len(curves))
    rows = -(-len(curves) // columns)
    figure, axes = pyplot.subplots(rows, columns, figsize=(3.2 * columns, 2.2 * rows), squeeze=False)
    for axis in axes.flat[len(curves) :]:
        axis.remove()
    for axis, (tag, values) in zip(axes.flat, curves.items(), strict=False):
        axis.plot(list(values), list(values.values()), linewidth=0.7)
        axis.set_title(tag, fontsize=9)
        axis.tick_params(labelsize=7)
        axis.grid(alpha=0.3)
    figure.tight_layout()
    out = args.out or args.run / "curves.png"
    try:
        with whole(out) as part:
            figure.savefig(part, dpi=100, format="png")
    except OSError as error:
        raise UserError(f"{out}: cannot be written ({error.strerror}); give another --out") from error
    print(out)
