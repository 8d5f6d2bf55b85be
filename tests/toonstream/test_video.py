"""Every kind of video that people have, through source and sink: what must stay the same, stays the same."""

import gc
import io
import os
import struct
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import ExifTags, Image
from support.clips import FRAMES, HEIGHT, WIDTH, convert, draw, make_clip, read
from toonstream_engines.errors import InputError, UserError

from toonstream.choose import default_output, open_sink, open_source
from toonstream.frame import Patch, Rect
from toonstream.sinks.original import Original
from toonstream.sources.hdr import standard_range

QUARTER_TURN = [0, 1 << 16, 0, -(1 << 16), 0, 0, HEIGHT << 16, 0, 1 << 30]
TILT = [56756, 32768, 0, -32768, 56756, 0, 0, 0, 1 << 30]
MIRROR = [-(1 << 16), 0, 0, 0, 1 << 16, 0, WIDTH << 16, 0, 1 << 30]
UNEVEN = [33 * n + 7 * (n % 5) + (200 if n > 10 else 0) for n in range(FRAMES)]
MILLISECONDS = {"time_base": Fraction(1, 1000), "pts": UNEVEN}
NTSC = {"rate": Fraction(30000, 1001), "time_base": Fraction(1001, 30000)}
B_FRAMES = {"options": {"bf": "3", "b-adapt": "0"}}
LATE = {"pts": range(50, 50 + FRAMES), "sound_start": Fraction(2)}
BT709_LIMITED, BT709_FULL, BT601, BT2020 = (1, 1, 1, 1), (1, 1, 1, 2), (6, 6, 6, 1), (9, 9, 14, 1)
VP9 = {"encoder": "libvpx-vp9", "options": {"cpu-used": "8"}}

KINDS = [
    ("plain.mp4", {}),
    ("plain.mov", {"sound": "pcm_s16le"}),
    ("plain.mkv", {"sound": "flac"}),
    ("plain.ts", {}),
    ("plain.flv", {}),
    ("plain.webm", VP9 | {"sound": "libopus"}),
    ("silent.mp4", {"sound": None}),
    ("small.mp4", {"size": (16, 16)}),
    ("240-a-second.mp4", {"rate": Fraction(240), "time_base": Fraction(1, 240), "pts": range(FRAMES)}),
    ("trimmed.mp4", {"pts": range(-5, FRAMES - 5)}),
    ("interlaced.mp4", {"options": {"flags": "+ildct", "x264-params": "tff=1"}}),
    ("fragments.mp4", {"container_options": {"movflags": "frag_keyframe+empty_moov"}}),
    ("ntsc.mp4", NTSC),
    ("ntsc.mkv", NTSC),
    ("uneven.mp4", MILLISECONDS),
    ("uneven.mkv", MILLISECONDS),
    ("b-frames.mp4", B_FRAMES),
    ("b-frames.mkv", B_FRAMES),
    ("b-frames.ts", B_FRAMES),
    ("no-b-frames.mp4", {"options": {"bf": "0"}}),
    ("near-0.ts", {"options": {"bf": "0"}, "container_options": {"mpegts_copyts": "1"}}),
    ("near-0.flv", {"options": {"bf": "0"}}),
    ("turned.mp4", {"matrix": QUARTER_TURN}),
    ("turned.mov", {"matrix": QUARTER_TURN}),
    ("tilted.mp4", {"matrix": TILT}),
    ("mirrored.mp4", {"matrix": MIRROR}),
    ("odd.mp4", {"size": (65, 49), "pix_fmt": "yuv444p"}),
    ("odd.webm", VP9 | {"size": (65, 49), "sound": "libopus"}),
    ("odd-vp9.mkv", VP9 | {"size": (65, 49)}),
    ("709.mp4", {"tags": BT709_LIMITED}),
    ("full.mp4", {"tags": BT709_FULL}),
    ("601.mp4", {"tags": BT601}),
    ("2020.mp4", {"tags": BT2020}),
    ("full-j.mp4", {"tags": (5, 5, 6, 2), "pix_fmt": "yuvj420p"}),
    ("422.mp4", {"pix_fmt": "yuv422p"}),
    ("444.mkv", {"pix_fmt": "yuv444p"}),
    ("nv12.mp4", {"pix_fmt": "nv12"}),
    ("10-bit.mp4", {"pix_fmt": "yuv420p10le", "tags": BT709_LIMITED}),
    ("10-bit-422.mkv", {"pix_fmt": "yuv422p10le"}),
    ("gray.mkv", {"pix_fmt": "gray", "encoder": "ffv1", "tags": BT709_FULL}),
    ("mpeg4.avi", {"encoder": "mpeg4", "sound": "libmp3lame"}),
    ("b-frames.avi", {"encoder": "mpeg4", "sound": "libmp3lame", "options": {"bf": "2"}}),
    ("pcm.avi", {"encoder": "mjpeg", "pix_fmt": "yuvj422p", "sound": "pcm_s16le", "tags": (5, 2, 2, 2)}),
    ("subtitles.mp4", {"subtitles": True}),
    ("subtitles.mkv", {"subtitles": True}),
    ("late.mp4", LATE),
    ("late.mkv", LATE),
    ("late.ts", LATE),
    ("late-sound.mp4", {"sound_start": Fraction(1, 3)}),
    ("late-picture.mp4", {"pts": range(10, 10 + FRAMES)}),
    ("late-picture.mkv", {"pts": range(10, 10 + FRAMES)}),
    ("wide-pixels.mp4", {"aspect": Fraction(4, 3)}),
    ("wide-pixels.mkv", {"aspect": Fraction(4, 3)}),
]


@pytest.mark.parametrize(("name", "kind"), KINDS, ids=[name for name, _ in KINDS])
def test_all_but_the_picture_stays(tmp_path, name, kind):
    path = make_clip(tmp_path / name, **kind)
    output = default_output(path)
    deep = ["stored with more than 8 bits a channel; converted to 8"]
    assert convert(path, output) == (deep if "10le" in kind.get("pix_fmt", "") else [])
    before, after = read(path), read(output)
    close = Fraction(1, 1000) if output.suffix != path.suffix else 0  # Matroska counts milliseconds
    assert len(after.times) == (FRAMES if name != "trimmed.mp4" else FRAMES - 5)
    assert all(abs(one - other) <= close for one, other in zip(before.times, after.times, strict=True))
    if output.suffix == path.suffix and path.suffix not in (".ts", ".flv"):  # these do not say how long a frame is
        assert after.duration == before.duration
    assert after.size == before.size
    assert after.matrix == before.matrix
    assert after.tags == before.tags
    assert after.interlaced == before.interlaced == (name == "interlaced.mp4")
    assert (after.aspect or 1) == (before.aspect or 1)
    assert len(after.others) == len(before.others) == (name != "silent.mp4") + bool(kind.get("subtitles"))
    for one, other in zip(before.others, after.others, strict=True):
        assert (other.codec, other.md5) == (one.codec, one.md5)
        assert all(abs(a - b) <= close for a, b in zip(one.times, other.times, strict=True))
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted([path.name, output.name])


@pytest.mark.parametrize(
    ("name", "kind", "notice"),
    [
        ("gif.gif", {"encoder": "gif", "pix_fmt": "rgb8", "sound": None, "time_base": Fraction(1, 100)}, None),
        ("rgb.mkv", {"encoder": "libx264rgb", "pix_fmt": "rgb24"}, None),
        ("odd-rgb.mkv", {"encoder": "libx264rgb", "pix_fmt": "rgb24", "size": (65, 49)}, None),
        ("alpha.mov", {"encoder": "png", "pix_fmt": "rgba", "alpha": 0, "matrix": QUARTER_TURN}, "partly transparent"),
        ("alpha.webm", VP9 | {"pix_fmt": "yuva420p", "sound": None, "alpha": 0}, "partly transparent"),
        ("pq.mkv", {"pix_fmt": "yuv420p10le", "tags": (9, 9, 16, 1)}, "high dynamic range"),
        ("hlg.mov", {"pix_fmt": "yuv420p10le", "tags": (9, 9, 18, 1), "matrix": QUARTER_TURN}, "high dynamic range"),
        ("deep.mp4", {"pix_fmt": "yuv420p10le"}, "more than 8 bits"),
    ],
)
def test_other_pictures_are_converted_with_a_notice(tmp_path, name, kind, notice):
    step = 4 if name.endswith("gif") else 1
    path = make_clip(tmp_path / name, pts=range(0, FRAMES * step, step), **kind)
    output = default_output(path)
    notices = convert(path, output)
    assert [notice in line for line in notices if notice] == [True] * bool(notice)
    before, after = read(path), read(output)
    assert (after.times, after.size, after.matrix) == (before.times, before.size, before.matrix)
    if name not in ("deep.mp4", "alpha.webm"):
        assert after.tags == BT709_LIMITED


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv420p10le", "yuv444p10le", "rgb24", "gbrp10le", "bgr0"])
def test_colours_survive_conversion(tmp_path, pix_fmt):
    encoder = {"rgb24": "libx264rgb"}.get(pix_fmt, "ffv1" if "gbr" in pix_fmt or "bgr" in pix_fmt else "libx264")
    tags = (2, 2, 2, 0) if "rgb" in pix_fmt or "gbr" in pix_fmt or "bgr" in pix_fmt else BT709_LIMITED
    path = make_clip(tmp_path / "in.mkv", encoder=encoder, pix_fmt=pix_fmt, tags=tags, options={"qp": "1"}, sound=None)
    with open_source(path) as source:
        frame = next(iter(source))
    inside = np.s_[30:46, 20:60]  # away from the block's edges, which coarse chroma blurs
    assert abs(frame.rgb()[inside].astype(int) - draw(0)[inside]).max() <= 6


def test_grey_stays_grey(tmp_path):
    """Decoders of PNG mark it as RGB is marked, which no YUV may be."""
    path = make_clip(tmp_path / "in.mov", encoder="png", pix_fmt="gray", sound=None)
    output = default_output(path)
    convert(path, output)
    with av.open(path) as before, av.open(output) as after:
        source, made = (next(clip.decode(video=0)) for clip in (before, after))
    assert made.format.name != "gbrp"
    grey, rgb = source.to_ndarray(format="gray").astype(int), made.to_ndarray(format="rgb24").astype(int)
    assert np.abs(rgb - grey[..., None]).max() < 12


def test_transparent_parts_turn_black(tmp_path):
    path = make_clip(tmp_path / "in.mov", encoder="png", pix_fmt="rgba", alpha=0, sound=None)
    with open_source(path) as source:
        rgb = next(iter(source)).rgb()
    assert rgb[:, : WIDTH // 2 - 2].max() <= 2
    assert rgb[:, WIDTH // 2 + 2 :].min() > 40


@pytest.mark.parametrize("name", ["turned.mp4", "turned.mov"])
def test_a_turned_video_stands_upright(tmp_path, name):
    path = make_clip(tmp_path / name, matrix=QUARTER_TURN)
    with open_source(path) as source:
        frame = next(iter(source))
        assert source.size == (frame.width, frame.height) == (HEIGHT, WIDTH)
        assert abs(frame.rgb().astype(int) - np.rot90(draw(0), -1)).mean() < 8


@pytest.mark.parametrize(("turn", "matrix"), [(1, None), (6, [0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30])])
def test_notes_beside_a_picture_of_an_unknown_kind(tmp_path, turn, matrix):
    """Motion JPEG from a camera has EXIF data in each picture, which FFmpeg notes and PyAV may not know."""
    jpeg, exif = io.BytesIO(), Image.Exif()
    exif[ExifTags.Base.Orientation] = turn
    Image.fromarray(draw(0)).save(jpeg, "JPEG", exif=exif)
    with av.open(str(tmp_path / "in.mov"), "w") as output:
        stream = output.add_mux_stream("mjpeg", rate=25, width=WIDTH, height=HEIGHT)
        for index in range(3):
            packet = av.Packet(jpeg.getvalue())
            packet.stream, packet.time_base, packet.pts, packet.dts = stream, Fraction(1, 25), index, index
            output.mux(packet)
    convert(tmp_path / "in.mov", tmp_path / "out.mp4")
    facts = read(tmp_path / "out.mp4")
    assert len(facts.times) == 3
    assert facts.matrix == matrix


def test_chapters_tags_and_languages_go_along(tmp_path):
    chapters = [
        {"id": 1, "start": 0, "end": 400, "time_base": Fraction(1, 1000), "metadata": {"title": "One"}},
        {"id": 2, "start": 400, "end": 800, "time_base": Fraction(1, 1000), "metadata": {"title": "Two"}},
    ]
    path = make_clip(tmp_path / "in.mkv", metadata={"title": "A clip", "artist": "Nobody"}, chapters=chapters)
    convert(path, tmp_path / "out.mkv")
    with av.open(str(tmp_path / "out.mkv")) as output:
        assert (output.metadata["title"], output.metadata["ARTIST"]) == ("A clip", "Nobody")
        assert [chapter["metadata"]["title"] for chapter in output.chapters()] == ["One", "Two"]
        assert [chapter["start"] * chapter["time_base"] for chapter in output.chapters()] == [0, Fraction(2, 5)]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_titles_of_streams_go_along(tmp_path, suffix):
    path = make_clip(tmp_path / "in.mkv")
    with av.open(str(path)) as once, av.open(str(tmp_path / "in.mp4"), "w") as output:
        copies = [output.add_stream_from_template(stream, opaque=True) for stream in once.streams]
        copies[1].metadata["title"] = "Commentary"
        for packet in once.demux():
            if packet.size:
                packet.stream = copies[packet.stream_index]
                output.mux(packet)
    convert(tmp_path / "in.mp4", tmp_path / f"out{suffix}")
    with av.open(str(tmp_path / f"out{suffix}")) as written:
        assert written.streams[1].metadata["name" if suffix == ".mp4" else "title"] == "Commentary"


def test_chapters_and_data_that_do_not_go_along_are_told(tmp_path):
    chapters = [{"id": 1, "start": 0, "end": 800, "time_base": Fraction(1, 1000), "metadata": {"title": "One"}}]
    path = make_clip(tmp_path / "in.mp4", sound=None, subtitles=True, chapters=chapters)
    data = path.read_bytes()  # whose subtitles become what an action camera notes
    path.write_bytes(data.replace(b"tx3g", b"gpmd").replace(b"sbtl", b"meta"))
    assert convert(path, tmp_path / "out.mp4") == ["left out: data stream 1"]
    assert convert(path, tmp_path / "out.ts") == ["left out: data stream 1, chapters"]


def test_titles_in_an_old_encoding_go_along_as_they_are(tmp_path):
    chapters = [{"id": 1, "start": 0, "end": 800, "time_base": Fraction(1, 1000), "metadata": {"title": "Foyer"}}]
    path = make_clip(tmp_path / "in.mkv", metadata={"title": "A cafe"}, chapters=chapters)
    old = {b"A cafe": b"A caf\xe9", b"Foyer": b"Foy\xe9r"}
    data = path.read_bytes()
    for utf8, latin1 in old.items():
        assert utf8 in data
        data = data.replace(utf8, latin1)
    path.write_bytes(data)
    convert(path, tmp_path / "out.mkv")
    written = (tmp_path / "out.mkv").read_bytes()
    assert all(latin1 in written for latin1 in old.values())


def _with_clean_aperture(path: Path, width: int, height: int) -> Path:
    data = bytearray(path.read_bytes())
    box = struct.pack(">I4s8I", 40, b"clap", width, 1, height, 1, 0, 1, 0, 1)
    entry = data.index(b"avc1", data.index(b"stsd")) - 4
    end = entry + int.from_bytes(data[entry : entry + 4])
    around = [data.rindex(name, 0, entry) - 4 for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")]
    data[end:end] = box
    for start in [*around, entry]:
        data[start : start + 4] = (int.from_bytes(data[start : start + 4]) + len(box)).to_bytes(4)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("width", "told"), [(48, ["the mark by which players crop it to 48x48 is left out"]), (64, [])]
)
def test_a_clean_aperture_is_told(tmp_path, width, told):
    path = _with_clean_aperture(make_clip(tmp_path / "in.mov", sound=None), width, HEIGHT)
    assert convert(path, tmp_path / "out.mov") == told
    assert read(tmp_path / "out.mov").size == (WIDTH, HEIGHT)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".flv", ".ts"])
def test_fonts_go_into_matroska_only(tmp_path, suffix):
    path = make_clip(tmp_path / "in.mkv")
    with av.open(str(path)) as once, av.open(str(tmp_path / "font.mkv"), "w") as output:
        copies = [output.add_stream_from_template(stream, opaque=True) for stream in once.streams]
        output.add_attachment("font.ttf", "application/x-truetype-font", b"\0\1\0\0 a font")
        for packet in once.demux():
            if packet.size:
                packet.stream = copies[packet.stream_index]
                output.mux(packet)
    notices = convert(tmp_path / "font.mkv", tmp_path / f"out{suffix}")
    assert notices == ["left out: attachment font.ttf in stream 2"]
    with av.open(str(tmp_path / f"out{suffix}")) as written:
        assert [stream.type for stream in written.streams] == ["video", "audio"]


@pytest.mark.parametrize("suffix", [".ts", ".flv"])
def test_pixels_are_turned_where_the_container_cannot_tell(tmp_path, suffix):
    path = make_clip(tmp_path / "in.mov", matrix=QUARTER_TURN, aspect=Fraction(4, 3), options={"qp": "1"})
    with open_source(path) as source:
        before = [(frame.seconds, frame.rgb()) for frame in source]
    assert convert(path, tmp_path / f"out{suffix}") == []
    with open_source(tmp_path / f"out{suffix}") as written:
        assert written.size == (HEIGHT, WIDTH)
        after = [(frame.seconds, frame.rgb()) for frame in written]
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        assert container.streams.video[0].sample_aspect_ratio == Fraction(3, 4)
    assert len(after) == len(before)
    for (time, picture), (wanted_time, wanted) in zip(after, before, strict=True):
        assert time - after[0][0] == pytest.approx(wanted_time - before[0][0], abs=0.001)
        assert abs(picture.astype(int) - wanted).mean() < 4


@pytest.mark.parametrize("time", [0, 23_000])
def test_text_does_not_go_into_a_transport_stream(tmp_path, time):
    path = _with_lines(tmp_path / "text.mkv", [time], frames=600)
    assert convert(path, tmp_path / "out.ts") == ["left out: srt subtitle stream 1"]
    with av.open(str(tmp_path / "out.ts")) as written:
        assert len(written.streams) == 1


def test_subtitles_may_start_together(tmp_path):
    times = [200, 200, 200, 300]
    assert convert(_with_lines(tmp_path / "text.mkv", times), tmp_path / "out.mkv") == []
    assert read(tmp_path / "out.mkv").others[0].times == [Fraction(time, 1000) for time in times]


def _with_lines(path: Path, times: list[int], frames: int = FRAMES) -> Path:
    """A clip with a line of subtitles at each of these milliseconds."""
    silent = make_clip(path.with_name("silent.mkv"), sound=None, pts=range(frames))
    with av.open(str(silent)) as once, av.open(str(path), "w") as output:
        copy = output.add_stream_from_template(once.streams.video[0], opaque=True)
        text = output.add_mux_stream("subrip")
        text.time_base = Fraction(1, 1000)
        for packet in once.demux():
            if packet.size:
                packet.stream = copy
                output.mux(packet)
        for time in times:
            packet = av.Packet(b"Line")
            packet.stream, packet.time_base = text, Fraction(1, 1000)
            packet.pts = packet.dts = time
            output.mux(packet)
    return path


def test_what_does_not_fit_is_left_out_with_a_notice(tmp_path):
    path = make_clip(tmp_path / "in.mkv", subtitles=True)
    notices = convert(path, tmp_path / "out.mp4")
    assert len(notices) == 1
    assert "subtitle" in notices[0]
    assert len(read(tmp_path / "out.mp4").others) == 1


def test_a_stream_that_begins_late_is_left_out(tmp_path):
    path = make_clip(tmp_path / "in.flv", pts=range(200), sound=None)
    text = b"\2\0\x0aonTextData\x08\0\0\0\1\0\4text\2\0\2hi\0\0\x09"
    tag = b"\x12" + len(text).to_bytes(3, "big") + bytes(7) + text
    path.write_bytes(path.read_bytes() + tag + len(tag).to_bytes(4, "big"))
    convert(path, tmp_path / "out.mp4")
    assert len(read(tmp_path / "out.mp4").times) == 200


def test_packets_of_192_bytes(tmp_path):
    convert(make_clip(tmp_path / "in.m2ts"), tmp_path / "out.m2ts")
    data = (tmp_path / "out.m2ts").read_bytes()
    assert len(data) % 192 == 0
    assert set(data[4::192]) == {0x47}


def test_what_was_drawn_stays_where_the_end_cannot_be_written(tmp_path, monkeypatch):
    path = make_clip(tmp_path / "in.mkv")
    copy_until = Original.copy_until

    def refuse(self, time):
        if time is None:
            raise av.error.ArgumentError(22, "Invalid argument")
        copy_until(self, time)

    monkeypatch.setattr(Original, "copy_until", refuse)
    with open_source(path) as source:
        sink = open_sink(tmp_path / "out.mkv", source)
        for frame in source:
            sink.write(frame)
        with pytest.raises(UserError, match="cannot be written"):
            sink.__exit__(None, None, None)
    part = tmp_path / "out.part.mkv"
    assert sink.notices == [f"what was written so far is in {part}"]
    assert sorted(tmp_path.iterdir()) == [path, part]
    assert len(read(part).times) == FRAMES


def test_tags_of_a_phone_go_along(tmp_path):
    tags = {"com.apple.quicktime.make": "Apple", "com.apple.quicktime.location.ISO6709": "+48.1+11.5/"}
    path = make_clip(tmp_path / "in.mov", metadata=tags, container_options={"movflags": "use_metadata_tags"})
    convert(path, tmp_path / "out.mov")
    with av.open(str(tmp_path / "out.mov")) as output:
        assert tags.items() <= output.metadata.items()


def test_other_pictures_would_show_the_real_face(tmp_path):
    path = make_clip(tmp_path / "in.mkv", sound=None)
    with av.open(str(path)) as once, av.open(str(tmp_path / "two.mkv"), "w") as output:
        copies = [output.add_stream_from_template(once.streams.video[0], opaque=True) for _ in range(2)]
        for packet in once.demux():
            for copy in copies if packet.size else []:
                packet.stream = copy
                output.mux(packet)
    assert convert(tmp_path / "two.mkv", tmp_path / "out.mkv") == ["left out: h264 video stream 1"]
    with av.open(str(tmp_path / "out.mkv")) as output:
        assert len(output.streams) == 1


def test_attached_pictures_would_show_it_too(tmp_path):
    path, attached = make_clip(tmp_path / "in.mkv", sound=None), tmp_path / "attached.mkv"
    jpeg = b"\xff\xd8\xff\xe0" + bytes(20)
    with av.open(str(path)) as once, av.open(str(attached), "w") as output:
        copy = output.add_stream_from_template(once.streams.video[0], opaque=True)
        output.add_attachment("face.webp", "image/webp", b"RIFF----WEBP")
        output.add_attachment("face.bin", "application/octet-stream", jpeg)
        output.add_attachment("font.ttf", "application/x-truetype-font", b"\0\1\0\0 a font")
        output.metadata["METADATA_BLOCK_PICTURE"] = "a picture in base64"
        for packet in once.demux():
            if packet.size:
                packet.stream = copy
                output.mux(packet)
    assert b"a picture in base64" in attached.read_bytes()
    notices = convert(attached, tmp_path / "out.mkv")
    assert notices == ["left out: attachment face.webp in stream 1, attachment face.bin in stream 2"]
    written = (tmp_path / "out.mkv").read_bytes()
    assert b"\0\1\0\0 a font" in written
    assert not any(part in written for part in (jpeg, b"WEBP", b"a picture in base64"))


def test_a_blended_first_frame_keeps_the_rotation(tmp_path):
    path = make_clip(tmp_path / "in.mp4", matrix=QUARTER_TURN)
    patch = Patch(Rect(4, 4, 20, 20), np.full((16, 16, 3), 200, np.uint8), np.full((16, 16), 255, np.uint8))
    with open_source(path) as source, open_sink(tmp_path / "out.mp4", source) as sink:
        for frame in source:
            sink.write(frame.blend([patch]))
    before, after = read(path), read(tmp_path / "out.mp4")
    assert (after.matrix, after.times, after.duration) == (before.matrix, before.times, before.duration)
    with open_source(tmp_path / "out.mp4") as source:
        assert abs(next(iter(source)).rgb(Rect(6, 6, 18, 18)).astype(int) - 200).mean() < 4


def test_damage_in_the_middle_costs_a_notice(tmp_path):
    path = make_clip(tmp_path / "in.mkv", options={"g": "5", "qp": "10", "bf": "0"}, pts=range(40))
    with av.open(str(path)) as container:
        key_frames = [packet for packet in container.demux(video=0) if packet.is_keyframe]
    data = bytearray(path.read_bytes())
    start = data.index(bytes(key_frames[4]))
    data[start + 4 : start + key_frames[4].size] = bytes(key_frames[4].size - 4)
    path.write_bytes(data)
    notices = convert(path, tmp_path / "out.mkv")
    assert [line for line in notices if "damaged" in line]
    assert len(read(tmp_path / "out.mkv").times) >= 30


def test_a_truncated_matroska_is_converted_as_far_as_it_goes(tmp_path):
    path = make_clip(tmp_path / "in.mkv", pts=range(100))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    notices = convert(path, tmp_path / "out.mkv")
    assert [line for line in notices if line.startswith("the file ends after 2")]
    assert 50 <= len(read(tmp_path / "out.mkv").times) < 70


def test_a_video_all_around_loses_its_mark_with_a_notice(tmp_path):
    path = make_clip(tmp_path / "in.mp4", sound=None)
    keys = {"Spherical": "true", "Stitched": "true", "StitchingSoftware": "none", "ProjectionType": "equirectangular"}
    marks = "".join(f"<GSpherical:{key}>{value}</GSpherical:{key}>" for key, value in keys.items()).encode()
    mark = b"uuid" + bytes.fromhex("ffcc8263f8554a938814587a02521fdd") + b"<rdf:SphericalVideo>" + marks
    data = bytearray(path.read_bytes())
    moov, trak = data.index(b"moov") - 4, data.index(b"trak") - 4
    end = trak + int.from_bytes(data[trak : trak + 4], "big")
    data[end:end] = (len(mark) + 4).to_bytes(4, "big") + mark
    for box in (moov, trak):
        data[box : box + 4] = (int.from_bytes(data[box : box + 4], "big") + len(mark) + 4).to_bytes(4, "big")
    path.write_bytes(data)
    told = ["a 360-degree video; the mark by which players know that is left out"]
    assert convert(path, tmp_path / "out.mp4") == told


@pytest.mark.parametrize("encoder", ["libx265", "libsvtav1", "libvpx-vp9", "mpeg4"])
def test_other_encoders(tmp_path, encoder):
    path = make_clip(tmp_path / "in.mkv", pix_fmt="yuv422p")
    convert(path, tmp_path / "out.mkv", encoder=encoder)
    with av.open(str(tmp_path / "out.mkv")) as output:
        assert output.streams.video[0].codec_context.codec.canonical_name == av.Codec(encoder, "w").canonical_name
    assert read(tmp_path / "out.mkv").times == read(path).times


def test_an_unknown_encoder_lists_what_is_there(tmp_path):
    path = make_clip(tmp_path / "in.mp4")
    for name in ("x264", "aac"):
        with pytest.raises(InputError, match=r"--encoder .*there are libx264, .*libsvtav1"):
            convert(path, tmp_path / "out.mp4", encoder=name)
    with pytest.raises(InputError, match="this container cannot hold"):
        convert(path, tmp_path / "out.webm", encoder="libx264")
    assert [file.name for file in tmp_path.iterdir()] == ["in.mp4"]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_an_encoder_that_does_not_open_keeps_no_file_open(tmp_path, monkeypatch):
    monkeypatch.setattr("toonstream.sinks.video.settings", lambda *_: {"preset": "none such"})
    path = make_clip(tmp_path / "in.mp4")
    with pytest.raises(InputError, match="--encoder libx264: does not work here, or not with this video"):
        convert(path, tmp_path / "out.mp4")
    assert list(tmp_path.iterdir()) == [path]
    assert str(path) not in [os.path.realpath(file) for file in Path("/proc/self/fd").iterdir()]


@pytest.mark.parametrize("matrix", [None, QUARTER_TURN])
def test_a_video_that_was_closed_keeps_no_memory(tmp_path, matrix):
    """One picture that waits for the garbage collector would keep all of its decoder's."""

    def pictures() -> int:
        return sum(isinstance(thing, av.VideoFrame) for thing in gc.get_objects())

    path = make_clip(tmp_path / "in.mp4", matrix=matrix)
    gc.collect()
    gc.disable()
    try:
        before = pictures()
        convert(path, tmp_path / "out.mp4")
        assert pictures() == before
    finally:
        gc.enable()


@pytest.mark.parametrize(("transfer", "signal", "light"), [(16, 0.5806, 1.0), (18, 0.75, 1.0), (16, 0.4400, 0.25)])
def test_high_dynamic_range_keeps_brightness_and_gray(transfer, signal, light):
    """`signal` is what BT.2408 gives for so much light, where white paper of 203 nits is 1."""
    picture = av.VideoFrame(64, 48, "yuv420p10le")
    for plane, value in zip(picture.planes, (round(64 + 876 * signal), 512, 512), strict=True):
        plane.update(np.full(plane.buffer_size // 2, value, np.uint16))
    picture.colorspace, picture.color_primaries, picture.color_trc, picture.color_range = 9, 9, transfer, 1
    rgb = standard_range(picture)
    assert rgb.max() - rgb.min() <= 1  # gray stays gray
    shown = (rgb.mean() / 255) ** 2.4
    assert light * 0.7 < shown <= light * 1.02  # paper gives way a little to what is brighter
    if light <= 0.5:
        assert abs(shown - light) < 0.01
