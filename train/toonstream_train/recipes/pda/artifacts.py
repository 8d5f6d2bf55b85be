"""Face structure and highlights: what tells good drawings from bad ones, trained before all else (section 3.1.2)."""

from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from toonstream_train.data.artifacts import abnormal, highlighted, structure
from toonstream_train.data.dataset import Batch
from toonstream_train.losses.adversarial import discriminator_loss, generator_loss
from toonstream_train.losses.total import total
from toonstream_train.networks.discriminators.whole import Classifier
from toonstream_train.networks.landmark_regressor import LandmarkRegressor

WIDTH = 16  # channels of the first layers, not given


class Artifacts:
    """The detector of eyes and mouths, the classifier of its heat maps, and that of highlights."""

    def __init__(self) -> None:
        self.detector = LandmarkRegressor(2, WIDTH)
        self.structures, self.highlights = Classifier(2, WIDTH), Classifier(3, WIDTH)
        self.classifiers = {"structure classifier": self.structures, "highlight classifier": self.highlights}
        self.networks: dict[str, nn.Module] = {"detector": self.detector, **self.classifiers}

    def forward(self, cartoon: Batch, photo: Batch) -> dict[str, Tensor]:
        """Synthesise abnormal faces (figure 5) and highlights (figure 7). Returns the pictures."""
        pictures, five = cartoon.pictures, cartoon.points[5]
        wrong, wrong_maps = abnormal(pictures, five)
        self.maps = {"cartoon": structure(five, pictures.shape[2]), "abnormal": wrong_maps}
        lit = highlighted(pictures, five, photo.pictures, photo.points[5])
        self.pictures = {"cartoon": pictures, "abnormal": wrong, "highlights": lit}
        return self.pictures

    def detector_losses(self) -> dict[str, Tensor]:
        """Heat maps of cartoons as they are, and of abnormal ones."""
        return {
            name: binary_cross_entropy_with_logits(self.detector(self.pictures[name]), maps)
            for name, maps in self.maps.items()
        }

    def classifier_losses(self) -> dict[str, Tensor]:
        """Figure 6: cartoons as they are from abnormal ones by their heat maps, and from those with highlights."""
        cartoon, wrong, lit = self.pictures.values()
        return {
            "structure": discriminator_loss("vanilla", self.of_structure(cartoon), [self.of_structure(wrong)]),
            "highlight": discriminator_loss("vanilla", self.highlights(cartoon), [self.highlights(lit)]),
        }

    def of_structure(self, pictures: Tensor) -> Tensor:
        """The logit (B, 1) that they show one face."""
        logit: Tensor = self.structures(self.detector(pictures).sigmoid())
        return logit

    def losses_of(self, toons: list[Tensor], structure: float, highlight: float) -> dict[str, Tensor]:
        """Equations 4 and 5, with these weights, which 0 switches off."""
        parts = {}
        for name, weight, logit in (
            ("structure", structure, self.of_structure),
            ("highlight", highlight, self.highlights),
        ):
            if weight:
                parts[name] = weight * total(generator_loss("vanilla", logit(toon)) for toon in toons)
        return parts
