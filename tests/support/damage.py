"""Damaged files: bytes changed, lost, doubled or cut off, as a bad disk or line, or an enemy, does it.

As a script, `damage.py FOLDER SEEDS CLIP...`: converts damaged copies of the clips, and prints a line for each: what
came of it, and the most memory that the process has had so far, in MB.
"""

import faulthandler
import random
import struct
import sys
from pathlib import Path

LIMIT_MB = 2000
LIMIT_SECONDS = 120  # for one file; then it hangs, and where it does is printed
NUMBERS = (0, 1, 0x7F, 0xFF, 0x7FFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def damage(good: bytes, seed: int) -> bytes:
    """The same for the same seed. Headers, which lie at the ends, are hit as often as all between."""
    rng = random.Random(seed)
    data = bytearray(good)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        ends = min(len(data) // 2, 1500)
        place = rng.choice((rng.randrange(ends), len(data) - 1 - rng.randrange(ends), rng.randrange(len(data))))
        length = rng.choice((1, 4, 16, 188, 1000))
        match rng.randrange(7):
            case 0:
                data[place] ^= 1 << rng.randrange(8)
            case 1:
                data[place] = rng.randrange(256)
            case 2:
                data[place : place + 4] = struct.pack(rng.choice((">I", "<I")), rng.choice(NUMBERS))
            case 3:
                data[place : place + length] = bytes(min(length, len(data) - place))
            case 4:
                del data[place : place + length]
            case 5:
                data[place:place] = data[place : place + length]
            case 6 if rng.random() < 0.3:
                del data[max(place, 200) :]
    return bytes(data)


def main() -> None:
    import resource

    from toonstream_engines.errors import UserError

    from support.clips import convert

    resource.setrlimit(resource.RLIMIT_AS, (LIMIT_MB << 20, LIMIT_MB << 20))
    folder, seeds, *clips = sys.argv[1:]
    for seed in map(int, seeds.split(",")):
        for clip in map(Path, clips):
            path = Path(folder, f"{seed}-{clip.name}")
            path.write_bytes(damage(clip.read_bytes(), seed))
            output = path.with_suffix(".mp4" if seed % 2 else ".mkv").with_stem(f"{path.stem}.toon")
            print(f"{path.name}", end=" ", flush=True)
            faulthandler.dump_traceback_later(LIMIT_SECONDS, exit=True)
            try:
                convert(path, output)
                outcome = "result"
            except UserError:
                outcome = "error"
            except Exception as error:
                outcome = f"fault {type(error).__name__}: {error}".replace("\n", " ")
            print(f"{most_memory()} {outcome}", flush=True)
            for file in (path, *folder_of(output)):
                file.unlink(missing_ok=True)


def most_memory() -> int:
    """In MB; getrusage would count what the parent had when it forked."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) >> 10 for line in lines if line.startswith("VmHWM"))


def folder_of(output: Path) -> list[Path]:
    return list(output.parent.glob(f"{output.stem}*"))


if __name__ == "__main__":
    main()
