"""The sound of a video: copied where it fits, else encoded anew, in step with the picture."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from support import clips
from support.clips import FRAMES, SOUND_RATE, convert, make_clip, read


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_sound_that_fits_is_copied(tmp_path, suffix):
    path = make_clip(tmp_path / "in.avi", sound="pcm_s16le")
    assert convert(path, tmp_path / f"out{suffix}") == []
    assert [one.md5 for one in read(tmp_path / f"out{suffix}").others] == [one.md5 for one in read(path).others]


@pytest.mark.parametrize(
    ("name", "sound", "output", "codec"),
    [
        ("in.avi", "pcm_s16le", "out.ts", "aac"),  # which would take it, and nobody could read it
        ("in.avi", "pcm_s16le", "out.flv", "aac"),  # whose muxer would abort
        ("in.avi", "pcm_s16le", "out.webm", "opus"),
        ("in.mp4", "aac", "out.webm", "opus"),
        ("in.avi", "adpcm_ms", "out.mkv", "aac"),
        ("in.mkv", "flac", "out.mov", "aac"),
        ("in.mkv", "flac", "out.ts", "aac"),
    ],
)
def test_sound_that_does_not_fit_is_encoded_anew(tmp_path, name, sound, output, codec):
    path = make_clip(tmp_path / name, sound=sound, sound_start=Fraction(1, 5) if name != "in.avi" else Fraction(0))
    notice = f"{sound} audio stream 1 does not fit; encoded as {codec}"
    assert convert(path, tmp_path / output) == [notice]
    assert len(read(tmp_path / output).times) == FRAMES
    for before, after in zip(_tone(path), _tone(tmp_path / output), strict=True):
        assert after == pytest.approx(before, rel=0.01, abs=0.025)  # a frame of AAC


@pytest.mark.parametrize(
    ("layout", "output", "told", "loud"),
    [
        ("5.1(side)", "out.webm", "opus", {"BL"}),
        ("5.1(side)", "out.ts", "aac", {"BL"}),
        ("4.0", "out.webm", "opus, in stereo", {"FL", "FR"}),
    ],
)
def test_speakers_keep_their_places(tmp_path, layout, output, told, loud):
    samples = np.zeros((av.AudioLayout(layout).nb_channels, SOUND_RATE), np.int16)
    samples[4 if "side" in layout else 3] = 10_000 * np.sin(np.arange(SOUND_RATE) * 0.05)
    path = pcm(tmp_path / "in.mkv", samples, layout=layout)
    assert convert(path, tmp_path / output) == [f"flac audio stream 1 does not fit; encoded as {told}"]
    with av.open(str(tmp_path / output)) as container:
        sound = np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)
        speakers = container.streams.audio[0].layout.channels
    assert {
        speaker.name for speaker, level in zip(speakers, abs(sound).max(axis=1), strict=True) if level > 0.04
    } == loud


def test_a_long_gap_in_the_sound_is_not_filled(tmp_path):
    sound = pcm(tmp_path / "in.mkv", np.full(4800, 8000, np.int16), times=(0, 1, 600))
    convert(sound, tmp_path / "out.ts")
    with av.open(str(tmp_path / "out.ts")) as container:
        samples = sum(frame.samples for frame in container.decode(audio=0))
    assert 1.1 * SOUND_RATE < samples < 1.5 * SOUND_RATE  # what comes by then, the silence between, and what is late


@pytest.mark.parametrize("suffix", [".flv", ".webm"])
def test_sound_may_become_another_kind_on_the_way(tmp_path, suffix):
    """As television's does from a film to what comes between; the times overlap here by a part of a frame."""
    path = make_clip(tmp_path / "silent.ts", sound=None, pts=range(50))
    with av.open(str(path)) as silent, av.open(str(tmp_path / "in.ts"), "w") as output:
        video = output.add_stream_from_template(silent.streams.video[0])
        sound = output.add_stream("mp2", rate=SOUND_RATE)
        for packet in silent.demux(video=0):
            if packet.size:
                packet.stream = video
                output.mux(packet)
        for second, (layout, rate) in enumerate([("mono", 48_000), ("stereo", 44_100)]):
            encoder = av.CodecContext.create("mp2", "w")
            encoder.layout, encoder.sample_rate, encoder.format, encoder.bit_rate = layout, rate, "s16", 128_000
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 1152 * (second + 1)), np.int16), "s16", layout)
            silence.sample_rate = rate
            packets = [packet for _ in range(42) for packet in encoder.encode(silence)]
            for index, packet in enumerate(packets):
                packet.stream, packet.time_base = sound, Fraction(1, 90_000)
                packet.pts = packet.dts = 90_000 * second + 90_000 * 1152 * index // rate
                output.mux(packet)
    convert(tmp_path / "in.ts", tmp_path / f"out{suffix}")
    with av.open(str(tmp_path / f"out{suffix}")) as written:
        frames = list(written.decode(audio=0))
    assert {frame.layout.name for frame in frames} == {"mono"}
    assert 2.0 < frames[-1].time + frames[-1].samples / frames[-1].sample_rate - frames[0].time < 2.3


def test_sound_louder_than_full_scale_is_encoded(tmp_path):
    """At floats like these FFmpeg's AAC encoder never ends."""
    path = pcm(tmp_path / "in.mkv", np.tile(np.array([1e30, -1e30], np.float32), 24_000))
    convert(path, tmp_path / "out.ts")
    with av.open(str(tmp_path / "out.ts")) as container:
        samples = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    assert len(samples) > 0.9 * SOUND_RATE
    assert np.isfinite(samples).all()


def pcm(path: Path, samples: np.ndarray, times: tuple[int, ...] = (0,), layout: str = "mono") -> Path:
    """A clip with sound as these samples, (n,) or (channels, n), say it, at each of these times in seconds."""
    with (
        av.open(str(make_clip(path.with_name(f"silent{path.suffix}"), sound=None))) as silent,
        av.open(str(path), "w") as output,
    ):
        video = output.add_stream_from_template(silent.streams.video[0])
        codec, kind = ("pcm_f32le", "flt") if samples.dtype == np.float32 else ("pcm_s16le", "s16")
        sound = output.add_stream(codec if layout == "mono" else "flac", rate=SOUND_RATE, layout=layout)
        for packet in silent.demux(video=0):
            if packet.size:
                packet.stream = video
                output.mux(packet)
        for time in times:
            frame = av.AudioFrame.from_ndarray(samples.T.reshape(1, -1), format=kind, layout=layout)
            frame.sample_rate, frame.time_base, frame.pts = SOUND_RATE, Fraction(1, SOUND_RATE), time * SOUND_RATE
            output.mux(sound.encode(frame))
        output.mux(sound.encode(None))
    return path


def _tone(path: Path) -> tuple[float, float, float]:
    """When the sound is heard first and last, in seconds from the first picture on, and its frequency in kHz."""
    with av.open(str(path)) as container:
        first = next(container.decode(video=0)).time
    with av.open(str(path)) as container:
        mono = av.AudioResampler("fltp", "mono", 48_000)
        frames = [one for frame in container.decode(audio=0) for one in mono.resample(frame)]
    samples = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    loud = np.flatnonzero(np.abs(samples) > 0.1)
    spectrum = np.abs(np.fft.rfft(samples[loud[0] : loud[-1]]))
    start = frames[0].time - first
    return start + loud[0] / 48_000, start + loud[-1] / 48_000, spectrum.argmax() / len(spectrum) * 24


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".flv", ".3gp"])
def test_sound_of_a_transport_stream(tmp_path, suffix):
    path = make_clip(tmp_path / "in.ts")
    assert convert(path, tmp_path / f"out{suffix}") == []
    with av.open(str(path)) as before, av.open(str(tmp_path / f"out{suffix}")) as after:
        lengths = [sum(frame.samples for frame in one.decode(audio=0)) for one in (before, after)]
    assert lengths[0] == lengths[1] > 30_000


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_sound_that_was_cut_off_stays_unheard(tmp_path, suffix):
    path = make_clip(tmp_path / "in.mp4", pts=range(-50, FRAMES), sound_start=Fraction(-2))
    convert(path, tmp_path / f"out{suffix}")
    with av.open(str(path)) as before, av.open(str(tmp_path / f"out{suffix}")) as after:
        lengths = [sum(frame.samples for frame in one.decode(audio=0)) for one in (before, after)]
    assert 0 <= lengths[1] - lengths[0] < 2 * 1024  # a frame of AAC, from which the decoder starts
    times = read(tmp_path / f"out{suffix}").times
    assert len(times) == FRAMES
    assert times[0] < Fraction(1, 20)


def test_sound_stays_in_step_over_ten_minutes(tmp_path, monkeypatch):
    monkeypatch.setattr(clips, "SOUND_RATE", 8000)  # else it is a hundred megabytes
    slow = {"rate": Fraction(1000, 1001), "time_base": Fraction(1001, 1000), "pts": range(600), "size": (16, 16)}
    path = make_clip(tmp_path / "in.mov", sound="pcm_s16le", **slow)
    convert(path, tmp_path / "out.mov")
    before, after = read(path), read(tmp_path / "out.mov")
    assert after.times == before.times
    assert after.others == before.others


def test_what_is_missing_of_the_sound_costs_no_frame(tmp_path):
    by_track = {"movflags": "faststart", "max_interleave_delta": "1"}
    path = make_clip(tmp_path / "in.mp4", pts=range(100), container_options=by_track)
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux() if packet.size]
        ends = [max(p.pos + p.size for p in packets if p.stream.type == kind) for kind in ("video", "audio")]
    assert ends[0] < ends[1]  # the sound was muxed last
    path.write_bytes(path.read_bytes()[: ends[0]])
    convert(path, tmp_path / "out.mp4")
    assert len(read(tmp_path / "out.mp4").times) == 100
