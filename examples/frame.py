"""One picture in, one cartoon out: python examples/frame.py photo.jpg cartoon.png"""

import sys

import numpy as np
from PIL import Image

from toonstream import Toonifier


def main(photo: str, cartoon: str) -> None:
    picture = np.asarray(Image.open(photo).convert("RGB"))
    with Toonifier() as toonifier:
        Image.fromarray(toonifier(picture)).save(cartoon)


if __name__ == "__main__":
    main(*sys.argv[1:])
