"""What each width of the generators costs, for choosing one before it is trained.

For one face: parameters, multiplications of the convolutions, size of the exported fp32 model, milliseconds with ONNX
Runtime on this machine. The small generator is the live one, the other the paper's; weights are random.
"""

import argparse
import sys

EXAMPLES = ("toonstream-train family",)


def options(parser: argparse.ArgumentParser) -> None:
    pass


def run(args: argparse.Namespace) -> None:
    from toonstream_train.evaluation.family import costs, family, table

    print(table(costs(family(), say=lambda line: print(f"toonstream-train: {line}", file=sys.stderr))))
