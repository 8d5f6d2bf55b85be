"""Recordings joined to one file: their clock jumps, and picture and sound go on together."""

from fractions import Fraction

import av
import pytest
from support.clips import FRAMES, convert, make_clip, read

from toonstream.sources.time_line import TimeLine

STEP = Fraction(1, 25)
JOINED = "joined of recordings whose clocks differ; they follow each other without a gap"
HOURS = 20 * 3600 * 25
B_FRAMES = {"options": {"bf": "3", "b-adapt": "0"}}


def join(path, starts, **kind):
    parts = []
    for number, start in enumerate(starts):
        part = path.with_name(f"{number}-{path.name}")
        stamps = range(start, start + FRAMES)
        parts.append(make_clip(part, pts=stamps, sound_start=start * STEP, **kind).read_bytes())
        part.unlink()
    path.write_bytes(b"".join(parts))
    return path


@pytest.mark.parametrize("suffix", [".ts", ".mp4", ".mkv"])
@pytest.mark.parametrize("kind", [{}, B_FRAMES], ids=["plain", "b-frames"])
@pytest.mark.parametrize("starts", [(0, 0), (500, 0, 500), (0, HOURS), (HOURS, 50)])
def test_joined_transport_streams_go_on(tmp_path, starts, kind, suffix):
    path = join(tmp_path / "in.ts", starts, **kind)
    assert convert(path, tmp_path / f"out{suffix}") == [JOINED]
    after = read(tmp_path / f"out{suffix}")
    assert len(after.times) == FRAMES * len(starts)
    steps = [later - earlier for earlier, later in zip(after.times, after.times[1:], strict=False)]
    assert all(STEP / 2 < step < STEP + Fraction(1, 20) for step in steps)  # sound ends a packet or two later
    [sound] = after.others
    with av.open(str(path)) as original:
        assert len(sound.times) == sum(bool(packet.size) for packet in original.demux(audio=0))
    steps = [later - earlier for earlier, later in zip(sound.times, sound.times[1:], strict=False)]
    assert max(steps) < Fraction(1, 10)
    ends = after.times[-1], sound.times[-1]
    assert abs(ends[0] - ends[1]) < Fraction(1, 10)


def test_cells_of_a_dvd_go_on(tmp_path):
    path = join(tmp_path / "in.mpg", (0, 0), encoder="mpeg2video", sound="mp2")
    assert convert(path, tmp_path / "out.mkv") == [JOINED]
    after = read(tmp_path / "out.mkv")
    assert len(after.times) == 2 * FRAMES
    assert abs(after.times[-1] - after.times[0] - (2 * FRAMES - 1) * STEP) < Fraction(1, 10)
    assert abs(after.others[0].times[-1] - after.times[-1]) < Fraction(1, 5)


def test_a_gap_stays_a_gap(tmp_path):
    stamps = [*range(10), *range(100, 110)]
    path = make_clip(tmp_path / "in.ts", pts=stamps)
    assert convert(path, tmp_path / "out.ts") == []
    assert read(tmp_path / "out.ts").times == read(path).times


class Packet:
    """What TimeLine reads and changes of one."""

    time_base, duration, size = STEP, 1, 1

    def __init__(self, stream, stamp):
        self.stream, self.stream_index, self.pts, self.dts = stream, stream.index, stamp, stamp


class Stream:
    def __init__(self, index, type):
        self.index, self.type = index, type


class Container:
    format = av.ContainerFormat("mpegts", "r")

    def __init__(self, packets):
        self.packets = packets

    def demux(self):
        yield from self.packets


def test_a_stream_that_comes_late_to_a_jump_stays_in_step():
    picture, sound, text = Stream(0, "video"), Stream(1, "audio"), Stream(2, "subtitle")
    order = [(picture, 50), (sound, 50), (picture, 51), (picture, 0), (text, 0), (sound, 51), (sound, 0), (picture, 1)]
    packets = [Packet(stream, stamp) for stream, stamp in order]
    line = TimeLine(Container(packets))
    wanted = list(line.demux([picture, sound, text]))
    assert [packet.dts for packet in wanted] == [50, 50, 51, 52, 52, 51, 52, 53]
    assert [packet.pts for packet in wanted] == [packet.dts for packet in wanted]
    assert line.jumps == 1


def test_streams_that_are_not_wanted_shift_those_that_are():
    picture, sound = Stream(0, "video"), Stream(1, "audio")
    packets = [Packet(picture, 50), Packet(sound, 50), Packet(sound, 0), Packet(picture, 0)]
    assert [packet.dts for packet in TimeLine(Container(packets)).demux([picture])] == [50, 51]
