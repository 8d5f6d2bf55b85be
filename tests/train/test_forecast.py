"""How long a run will take."""

import copy
import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from support.training import TINY, TINY_DRAWING, TINY_FACE2ANIME, assert_same, trainer
from toonstream_train.core import forecast
from toonstream_train.core.forecast import Pace, duration, in_words
from toonstream_train.core.recipe import Settings
from toonstream_train.core.trainer import Trainer


def test_a_forecast_leaves_no_trace(tmp_path: Path, tiny_run: Callable[[Settings], Path]) -> None:
    """Fresh, and in the middle of a stage, whose rest alone is counted."""
    fresh = trainer(tmp_path / "fresh", TINY_DRAWING)
    before = copy.deepcopy(fresh.learned()), torch.get_rng_state()
    paces = forecast.forecast(fresh)
    assert [(pace.stage, pace.steps) for pace in paces] == [
        ("regression", 3),
        ("adversarial", 3),
    ]
    assert all(pace.seconds > 0 for pace in paces)
    assert_same((fresh.learned(), torch.get_rng_state()), before)

    shutil.copy(tiny_run(TINY_DRAWING) / "step-4.pt", tmp_path / "checkpoint.pt")
    resumed = trainer(tmp_path, TINY_DRAWING)
    before = copy.deepcopy(resumed.learned()), torch.get_rng_state()
    assert before[0]["optimisers"]["generator"]["state"]
    paces = forecast.forecast(resumed)
    assert [(pace.stage, pace.steps) for pace in paces] == [("adversarial", 2)]
    assert_same((resumed.learned(), torch.get_rng_state()), before)
    assert forecast.forecast(trainer(tiny_run(TINY_DRAWING), TINY_DRAWING)) == []


def test_slow_steps_are_measured_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecast, "PATIENCE", -1.0)
    slow, steps = trainer(tmp_path, TINY), []
    step = slow.train_step
    monkeypatch.setattr(slow, "train_step", lambda: steps.append(slow.step) or step())
    forecast.forecast(slow)
    assert steps == [0, 3]  # one of each stage


@pytest.mark.parametrize("patience", [1e9, 1.0])
def test_steps_of_several_kinds_count_as_often_as_they_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patience: float
) -> None:
    """Wasserstein: four steps of critics alone for each that costs twelve seconds, wherever the run stands."""
    chosen = dataclasses.replace(TINY_FACE2ANIME, steps=40, wasserstein=True, critic_steps=5)
    clock = [0.0]
    monkeypatch.setattr(forecast.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(forecast, "PATIENCE", patience)
    for begun in (0, 3):
        fake = trainer(tmp_path, chosen)
        fake.step = begun

        def step(fake: Trainer = fake) -> float:
            clock[0] += 12.0 if fake.step % 5 == 0 else 0.5
            fake.step += 1
            return 0.0

        monkeypatch.setattr(fake, "train_step", step)
        assert [pace.seconds for pace in forecast.forecast(fake)] == [(12 + 4 * 0.5) / 5]


def test_a_forecast_in_words() -> None:
    paces = [Pace("initialisation", 500, 0.2), Pace("adversarial", 4000, 0.41)]
    assert in_words(paces, dataclasses.replace(TINY, steps=4000, batch=4)) == (
        "500 steps of 0.2 s (initialisation), then 4,000 steps of 0.41 s (adversarial): about 29 minutes; "
        "shorter with --set steps=2000 or --set batch=2"
    )
    assert [duration(seconds) for seconds in (90, 5400, 3 * 86_400, 40 * 86_400, 70 * 86_400)] == [
        "90 seconds",
        "90 minutes",
        "3 days",
        "40 days",
        "2 months",
    ]
