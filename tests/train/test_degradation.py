"""Webcam degradations."""

import cv2
import numpy as np
import torch
from toonstream_train.data.degradation import Degradation, blur, degrade, jpeg


def test_jpeg_loses_what_jpeg_loses() -> None:
    rng = np.random.default_rng(0)
    picture = cv2.GaussianBlur(rng.integers(0, 256, (64, 64, 3)).astype(np.uint8), (0, 0), 2)
    ours = jpeg(torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 127.5 - 1, torch.tensor([40.0]))
    _, coded = cv2.imencode(".jpg", picture[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 40])
    truth = cv2.imdecode(coded, cv2.IMREAD_COLOR)[:, :, ::-1].astype(float)
    made = ((ours[0].permute(1, 2, 0) + 1) * 127.5).numpy()
    assert np.abs(made - truth).mean() < 0.45 * np.abs(picture - truth).mean()


def test_degradation_leaves_a_clean_setting_alone() -> None:
    x = torch.rand(2, 3, 32, 32) * 2 - 1
    assert torch.equal(degrade(Degradation(), x), x)
    assert torch.allclose(blur(x, torch.tensor([0.0, 0.0])), x, atol=1e-5)
