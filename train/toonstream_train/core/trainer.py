"""The one loop that trains every recipe."""

import copy
import dataclasses
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from toonstream_engines.errors import UserError
from torch import Tensor, nn
from tqdm import tqdm

from toonstream_train.core import checkpoint
from toonstream_train.core.curves import write_curves
from toonstream_train.core.exported import is_style, load_weights
from toonstream_train.core.preview import grid, write
from toonstream_train.core.recipe import Recipe, Training, check_packs
from toonstream_train.core.signals import stop_signals
from toonstream_train.data.dataset import signed
from toonstream_train.data.pack import Pack
from toonstream_train.networks.blocks.image_pool import ImagePool

PREVIEWS = 8


class Trainer:
    """Runs a recipe's stages from wherever its folder's checkpoint stands to the last step.

    Each process draws its own batches and all of them average their gradients, so that N processes do what one would
    with a batch N times as large. The networks are left unwrapped: recipes freeze, share and call them as they like.
    """

    def __init__(self, recipe: Recipe, folder: Path, fabric: Fabric) -> None:
        self.recipe, self.folder, self.fabric = recipe, folder, fabric
        self.training: Training = recipe.settings.training
        self.stages = tuple(stage for stage in recipe.stages() if stage.steps > 0)
        self.steps = sum(stage.steps for stage in self.stages)
        self.path = folder / "checkpoint.pt"
        self.step = 0
        recipe.rank = fabric.global_rank
        self.before = 0  # steps of the run that this one began with, and of those before it
        for network in recipe.networks.values():
            network.to(fabric.device)
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # fastest on every device
        self.averages = {name: copy.deepcopy(recipe.networks[name]).requires_grad_(False) for name in recipe.averaged}
        for average in self.averages.values():
            average.eval()
        if self.training.compile:
            for network in recipe.networks.values():
                network.compile()
        # alike networks everywhere, but every process its own batches
        torch.manual_seed(self.training.seed + 1 + fabric.global_rank)
        if self.path.is_file():
            self._resume()

    def start_from(self, run: Path) -> None:
        """Take the networks of another run, or of a style, instead of fresh ones; a run that has begun goes on.

        run: its folder or checkpoint; or a style's name or folder, which gives what it exported and no discriminator.
        Parts that the other run's networks did not have stay fresh, and so do pools of the pictures that they made.
        """
        if self.step:
            return
        if is_style(run):
            self.before = load_weights(run, self.recipe.exportable(self.recipe.networks))
            for name, average in self.averages.items():
                average.load_state_dict(self.recipe.networks[name].state_dict())
            return
        state = checkpoint.load(run / "checkpoint.pt" if run.is_dir() else run, self.recipe.name)
        with checkpoint.fitting(run):
            for name, network in self.recipe.networks.items():
                if isinstance(network, ImagePool):  # the other run's may be of another size
                    continue
                known = (state["networks"] | state["averages"])[name]
                network.load_state_dict(network.state_dict() | known)
            for name, average in self.averages.items():
                average.load_state_dict(average.state_dict() | state["averages"][name])
        self.before = state["before"] + state["step"]

    def feed(self, packs: Mapping[str, Pack]) -> None:
        """Hand the recipe its data."""
        check_packs(self.recipe, packs)
        state = torch.get_rng_state()
        self.recipe.feed(packs, self.fabric.device)
        torch.set_rng_state(state)  # feeding's random numbers are no part of the run: a resumed one feeds once more

    def fit(self, preview: Pack) -> None:
        """Train to the last step, drawing the faces of `preview` from time to time.

        Raises UserError where a loss is not a number, or when the run is told to stop.
        """
        self._previews(preview)  # what the faces lack is told at once, not at the first grid
        recipe, main = self.recipe, self.fabric.is_global_zero
        losses: defaultdict[str, list[Tensor]] = defaultdict(list)  # of the steps that have them
        saved = drawn = logged = time.monotonic()
        taking, summed = 0.0, 0
        with (
            stop_signals() as stop,
            write_curves(self.folder) as writer,
            tqdm(total=self.steps, initial=self.step, unit="step", disable=not main, mininterval=5) as bar,
        ):
            while self.step < self.steps:
                taking += self.train_step()
                bar.update()
                for name, loss in recipe.losses.items():
                    losses[name].append(loss.detach().float())
                summed += 1

                now = time.monotonic()
                save, stopped = self.agreed(now - saved > self.training.save_seconds, bool(stop))
                ending = stopped or self.step == self.steps
                if self.step % self.training.log_steps == 0 or ending:
                    means = {name: float(torch.stack(values).mean()) for name, values in losses.items()}
                    losses.clear()
                    self._check("loss", means)
                    bar.set_postfix({name: f"{value:.3g}" for name, value in means.items()}, refresh=False)
                    if main:
                        for name, value in means.items():
                            writer.add_scalar(f"loss/{name}", value, self.step)
                        writer.add_scalar("seconds/step", (now - logged) / summed, self.step)
                        writer.add_scalar("seconds/take", taking / summed, self.step)
                    logged, taking, summed = now, 0.0, 0
                if save or ending:
                    self._check("loss", {name: float(loss.detach()) for name, loss in recipe.losses.items()})
                    self._check("norm of", {name: norm(network) for name, network in recipe.networks.items()})
                    self.save()
                    saved = now
                if main and (now - drawn > self.training.grid_seconds or ending):
                    self._draw(preview)
                    drawn = now
                if stopped and self.step < self.steps:
                    raise UserError(f"stopped at step {self.step}; the same command goes on from {self.path}")

    def train_step(self) -> float:
        """One step of the stage at hand. Returns the seconds that taking the batch took."""
        recipe = self.recipe
        start = time.perf_counter()
        self._enter_stage()
        recipe.take()
        taken = time.perf_counter() - start
        with self.fabric.autocast():
            recipe.forward()
            recipe.optimise(self.update)
        self._average()
        self.step += 1
        return taken

    def _enter_stage(self) -> None:
        """Set the stage that the next step belongs to, what is trained in it, and its learning rates."""
        recipe, done = self.recipe, self.step
        recipe.step = self.step
        for stage in self.stages:
            if done < stage.steps:
                break
            done -= stage.steps
        if getattr(recipe, "stage", None) is not stage:
            recipe.stage = stage
            for name, network in recipe.networks.items():
                network.train(name in stage.networks).requires_grad_(name in stage.networks)
        share = stage.schedule(done / stage.steps)
        for optimiser in recipe.optimisers.values():
            for group in optimiser.param_groups:
                factor = stage.factors.get(group.get("name", ""), 1.0)
                group["lr"] = optimiser.defaults["lr"] * share * factor

    def agreed(self, *answers: bool) -> tuple[bool, ...]:
        """The first process's answers: clocks and signals differ, and all have to save and stop at the same step."""
        return answers if self.fabric.world_size == 1 else self.fabric.broadcast(answers)

    def update(self, name: str, loss: Tensor) -> None:
        """One step of the optimiser `name` down the gradient of `loss`, averaged over all processes."""
        optimiser = self.recipe.optimisers[name]
        parameters = [p for group in optimiser.param_groups for p in group["params"] if p.requires_grad]
        optimiser.zero_grad(set_to_none=True)
        # `inputs` spares the gradients of networks that only pass this one on
        self.fabric.backward(loss, inputs=parameters)
        if self.fabric.world_size > 1:
            flat = torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).reshape(-1) for p in parameters])
            mean = self.fabric.all_reduce(flat, reduce_op="mean")
            assert isinstance(mean, Tensor)
            for parameter, part in zip(parameters, torch.split(mean, [p.numel() for p in parameters]), strict=True):
                parameter.grad = part.view_as(parameter)
        if self.training.clip:
            torch.nn.utils.clip_grad_norm_(parameters, self.training.clip)
        optimiser.step()
        torch.clear_autocast_cache()  # it holds the weights before this step, and a recipe may run a network once more

    def save(self) -> None:
        """Every process takes part: each has a random state of its own."""
        random = [torch.get_rng_state()]
        if self.fabric.device.type == "cuda":
            random.append(torch.cuda.get_rng_state(self.fabric.device))
        states = []  # (processes, bytes) each
        for state in random:
            gathered = self.fabric.all_gather(state.to(self.fabric.device))
            assert isinstance(gathered, Tensor)
            states.append(gathered.reshape(-1, state.numel()).cpu())
        if self.fabric.is_global_zero:
            run = {"recipe": self.recipe.name, "settings": dataclasses.asdict(self.recipe.settings)}
            checkpoint.save(run | {"before": self.before, "random": states} | self.learned(), self.path)
        self.fabric.barrier()

    def learned(self) -> dict[str, Any]:
        """The step, and all that was learned up to it: what `restore` takes back."""
        recipe = self.recipe
        return {
            "step": self.step,
            "networks": {name: network.state_dict() for name, network in recipe.networks.items()},
            "averages": {name: network.state_dict() for name, network in self.averages.items()},
            "optimisers": {name: optimiser.state_dict() for name, optimiser in recipe.optimisers.items()},
        }

    def restore(self, learned: Mapping[str, Any]) -> None:
        """Go to where `learned` was taken. Raises what torch raises where it is of other networks."""
        for name, network in self.recipe.networks.items():
            network.load_state_dict(learned["networks"][name])
        for name, average in self.averages.items():
            average.load_state_dict(learned["averages"][name])
        for name, optimiser in self.recipe.optimisers.items():
            optimiser.load_state_dict(learned["optimisers"][name])
        self.step = int(learned["step"])

    def _resume(self) -> None:
        state = checkpoint.load(self.path, self.recipe.name)
        with checkpoint.fitting(self.path):
            self.restore(state)
        self.before = int(state["before"])
        rank = self.fabric.global_rank
        if rank >= len(state["random"][0]):  # a process that was not there before goes on with its own seed
            return
        torch.set_rng_state(state["random"][0][rank])
        if self.fabric.device.type == "cuda" and len(state["random"]) > 1:
            torch.cuda.set_rng_state(state["random"][1][rank], self.fabric.device)

    @torch.no_grad()
    def _average(self) -> None:
        """Of what this stage trains. Early on the average forgets faster: the first weights are worth nothing."""
        for name, average in self.averages.items():
            if name not in self.recipe.stage.networks:
                continue
            trained = self._steps_of(name)
            decay = min(self.training.ema, (1 + trained) / (10 + trained))
            fresh = self.recipe.networks[name].state_dict()
            for key, kept in average.state_dict().items():
                if kept.is_floating_point():
                    kept.lerp_(fresh[key], 1 - decay)
                else:
                    kept.copy_(fresh[key])

    def _steps_of(self, network: str) -> int:
        """In how many of the steps so far the network was trained."""
        trained, left = 0, self.step
        for stage in self.stages:
            trained += min(left, stage.steps) if network in stage.networks else 0
            left = max(0, left - stage.steps)
        return trained

    def _check(self, what: str, values: dict[str, float]) -> None:
        """Raises UserError where one of them is no number, in all processes where it is so in one."""
        wrong = torch.tensor([int(not np.isfinite(value)) for value in values.values()], device=self.fabric.device)
        counts = self.fabric.all_reduce(wrong, reduce_op="sum")
        assert isinstance(counts, Tensor)
        broken = [name for name, count in zip(values, counts.tolist(), strict=True) if count]
        if broken:
            kept = f"{self.path} is kept as it was" if self.path.is_file() else "no checkpoint was written yet"
            raise UserError(
                f"the {what} {broken[0]!r} is not a number at step {self.step}; {kept}; try a lower learning rate"
            )

    def _previews(self, pack: Pack) -> dict[str, Tensor]:
        index = np.linspace(0, len(pack) - 1, min(PREVIEWS, len(pack))).round().astype(int)
        examples = self.recipe.preview_inputs(pack.part(index).resized(self.recipe.side))
        tensors = {name: torch.from_numpy(array).to(self.fabric.device) for name, array in examples.items()}
        return {name: x if x.is_floating_point() else signed(x) for name, x in tensors.items()}

    def _draw(self, preview: Pack) -> None:
        """Whole crops through the averaged networks, and what the last step saw and made."""
        shown = self._previews(preview)  # each time: what a style takes of a face may be learned, too
        with torch.no_grad(), self.fabric.autocast():
            rows = self.recipe.preview(self.recipe.networks | self.averages, shown)
        write(grid(rows), self.folder / "grids" / f"{self.step:07d}.png")
        write(grid(self.recipe.pictures), self.folder / "grids" / "last-batch.png")


def norm(network: nn.Module) -> float:
    """Of its weights and buffers: not finite where one of them is not, which the loss shows a step later."""
    return float(torch.nn.utils.get_total_norm([t for t in network.state_dict().values() if t.is_floating_point()]))
