"""One generator against one discriminator: what most variants share, and where penalties and remedies enter."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import Optimizer

from ganbench.autoencoder import Energy
from ganbench.losses import Formulation, pulling_away
from ganbench.penalties import Penalty
from ganbench.remedies import Remedy
from ganbench.variant import Batch, DataSpec, Loss, Player, Variant


def without_autocast(device: torch.device) -> AbstractContextManager[object]:
    """Where nothing is computed in fewer digits than its tensors have."""
    known = torch.amp.is_autocast_available(device.type)
    return torch.autocast(device.type, enabled=False) if known else nullcontext()


class Discriminator(nn.Module):
    """Samples -> features (n, n_features) -> scores (n,), by a `head`.

    A subclass implements `features`, and maybe `scores`. Both also get D's conditions: labels, a level.
    """

    def __init__(self, n_features: int, head: nn.Module):
        super().__init__()
        self.n_features, self.head = n_features, head
        self.pack = 1  # samples that are judged as one
        self.energy: Energy | None = None  # makes D an autoencoder, whose error is the score
        self.extensions = nn.ModuleList()  # further scores of the features

    def features(self, x: Tensor, *conditions: Any) -> Tensor:
        raise NotImplementedError

    def scores(self, h: Tensor, *conditions: Any) -> Tensor:
        scores: Tensor = self.head(h).flatten()
        return scores

    def packed(self, x: Tensor) -> Tensor:
        """(n, c, ...) -> (n / pack, pack * c, ...)."""
        return x.reshape(-1, self.pack * x.shape[1], *x.shape[2:]) if self.pack > 1 else x

    def unpacked(self, x: Tensor) -> Tensor:
        """(n / pack, pack * c, ...) -> (n, c, ...)."""
        return x.reshape(-1, x.shape[1] // self.pack, *x.shape[2:]) if self.pack > 1 else x

    def forward(self, x: Tensor, *conditions: Any) -> Tensor:
        x = self.packed(x)
        h = self.features(x, *conditions)
        scores = self.scores(h, *conditions) if self.energy is None else -self.energy(h, x)
        for extension in self.extensions:
            scores = scores + extension(h)
        return scores

    def extend(self, module: nn.Module, n: int) -> None:
        """Add scores that are linear in `module(features)`, `n` numbers a sample: as if the last layer saw them."""
        self.extensions.append(nn.Sequential(module, nn.Linear(n, 1, bias=False), nn.Flatten(0)))

    @property
    def mixes_rows(self) -> bool:
        """Whether a sample's score depends on the other samples of the batch."""
        return any(isinstance(m, _BatchNorm) or getattr(m, "mixes_rows", False) for m in [*self.modules()][1:])


class TwoPlayers(Variant):
    """One generator, one discriminator, one formulation.

    A subclass builds `G` and sets `batch`, which counts what D judges as one. It gives `set_discriminator` a D for data
    of `packed_spec(spec)`, and `set_players` the optimisers. It implements `decode`. Every other method has a plain
    default.
    """

    G: nn.Module
    D: Discriminator
    histories: nn.ModuleDict
    autoencodable: bool = True  # D may become an autoencoder: it sees whole samples, and nothing else

    def __init__(self, loss: Formulation, penalty: Penalty, remedies: Sequence[Remedy]):
        super().__init__()
        self.loss, self.penalty, self.remedies = loss, penalty, tuple(remedies)
        for part in penalty.parts:
            if part.name in loss.forbids:
                raise ValueError(
                    f"Found the penalty {part.name!r} with the formulation {loss.name!r}, which forbids it. "
                    f"Use another; it forbids {', '.join(loss.forbids)}."
                )

    # Building

    def packed_spec(self, spec: DataSpec) -> DataSpec:
        """The data in the shape that D judges: with packing, several samples are one of more channels."""
        channels, *side = spec.shape
        return DataSpec((channels * self._pack, *side), spec.classes)

    @property
    def _pack(self) -> int:
        return prod(remedy.pack for remedy in self.remedies)

    def set_discriminator(self, d: Discriminator, spec: DataSpec) -> None:
        """Make `d` this variant's D, and change it as formulation and remedies ask; `spec` is that of the data."""
        self.D = d
        d.pack = self._pack
        if self.loss.codes:
            if self.conditional or not self.autoencodable:
                raise ValueError(
                    f"Found the formulation {self.loss.name!r}, which makes D an autoencoder of whole samples, and a D "
                    "that is also told a class or a level, or scores parts. Use another formulation or variant."
                )
            d.energy, d.head = Energy(self.packed_spec(spec), d.n_features, self.loss.codes), nn.Identity()
        for remedy in self.remedies:
            remedy.change_discriminator(self)

    def set_players(self, d_optimizer: Optimizer, g_optimizer: Optimizer, d_steps: int = 1, g_steps: int = 1) -> None:
        """Make the two players, D first. Raises ValueError if penalty or remedies do not fit the networks."""
        if self.penalty.per_sample and any(isinstance(module, _BatchNorm) for module in self.D.modules()):
            raise ValueError(
                f"Found the penalty {self.penalty.name!r}, which looks at D's slope at each sample alone, and batch "
                "norm in D, which ties the samples of a batch together. Set `d_norm` to 'layer' or 'none' where the "
                "variant has that option, or use another penalty."
            )
        self.penalty.prepare(self.D)
        self.batch *= self.D.pack  # from here on it counts samples
        self.players = [
            Player("D", self.D, self.d_loss, d_optimizer, d_steps, self.after_d, sees_data=True),
            Player(
                "G", self.G, self.g_loss, g_optimizer, g_steps, self.after_g,
                makes_samples=True, compares=self.g_compares,
            ),
        ]  # fmt: skip
        for remedy in self.remedies:
            remedy.prepare(self)

    def prepare(self, train: Batch) -> None:
        if self.D.energy:
            self.D.energy.measure(self.real(train))

    # Playing

    def real(self, batch: Batch) -> Tensor:
        """Real samples in the form that D judges."""
        return batch.x

    def fake(self, batch: Batch) -> Tensor:
        """Generated samples in the form that D judges."""
        return self.sample(batch)

    def conditions(self, like: Batch) -> tuple[Any, ...]:
        """What D is called with besides samples: labels, a level."""
        return ()

    def score(self, x: Tensor, like: Batch) -> Tensor:
        """D's scores (n,) of `x`, real or fake; a conditional D also looks at the labels of `like`."""
        scores: Tensor = self.D(x, *self.conditions(like))
        return scores

    def features(self, x: Tensor, like: Batch) -> Tensor:
        """D's features (n, n_features) of `x`."""
        return self.D.features(self.D.packed(x), *self.conditions(like))

    def score_both(self, real: Tensor, fake: Tensor, like: Batch) -> tuple[Tensor, Tensor]:
        """Scores of real and of fake samples, in one pass unless D mixes the rows of a batch."""
        if self.D.mixes_rows:
            return self.score(real, like), self.score(fake, like)
        twice = Batch(like.x, None if like.y is None else like.y.repeat(2))
        mine, others = self.score(torch.cat([real, fake]), twice).chunk(2)
        return mine, others

    def forward(self, real: Tensor, fake: Tensor, like: Batch) -> dict[str, Tensor]:
        """The terms of D's loss."""
        scores = self.score_both(real, fake, like)
        terms = {**self.loss.d_terms(*scores), **self.beliefs(*scores), **self.d_terms(*scores)}
        with without_autocast(real.device):  # slopes of slopes are too small for fewer digits
            exact = torch.promote_types(real.dtype, torch.float32)  # of doubles, doubles
            packs = [self.D.packed(x).to(exact) for x in (real, fake)]  # what D judges as one has one slope
            for part in self.penalty.parts:
                term = part.term(self.D, lambda x: self.score(self.D.unpacked(x), like), *packs)
                terms.update({} if term is None else {part.name: term})
        return terms

    def beliefs(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """Mean probability of being real that D gives to real samples and to fakes, for the curves.

        Both are one half at the optimum. Formulations whose scores are no probabilities have none.
        """
        if self.loss.belief is None:
            return {}
        return {f"belief_{of}": self.loss.belief(x.detach()).mean() for of, x in (("real", real), ("fake", fake))}

    def d_terms(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """Further terms of D's loss, from its scores."""
        return {}

    def g_terms(self, batch: Batch) -> dict[str, Tensor]:
        """Further terms of G's loss."""
        return {}

    def d_loss(self, batch: Batch) -> Loss:
        return self._with_remedies("D", self(self.real(batch), self.fake(batch), batch))

    def g_loss(self, batch: Batch) -> Loss:
        instead = [loss for remedy in self.remedies if (loss := remedy.g_loss(self, batch)) is not None]
        terms = {"loss": torch.stack(instead).sum()} if instead else self.adversarial(batch)
        return self._with_remedies("G", {**terms, **self.g_terms(batch)})

    def adversarial(self, batch: Batch) -> dict[str, Tensor]:
        """G's loss by the formulation."""
        fake = self.fake(batch)
        terms = {"loss": self.loss.g(*self.g_scores(fake, batch))}
        if self.D.energy and self.loss.repelling:
            codes = self.D.energy.encode(self.D.features(self.D.packed(fake), *self.conditions(batch)))
            terms["repelling"] = self.loss.repelling * pulling_away(codes)
        return terms

    @property
    def g_compares(self) -> bool:
        """Whether G's loss looks at real samples."""
        return self.loss.compares or any(remedy.compares for remedy in self.remedies)

    def g_scores(self, fake: Tensor, batch: Batch) -> tuple[Tensor | None, Tensor]:
        """Scores of real samples, None unless the formulation compares, and of fake ones."""
        return self.score_both(self.real(batch), fake, batch) if self.loss.compares else (None, self.score(fake, batch))

    def after_d(self) -> None:
        self.penalty.after_step(self.D)

    def after_g(self) -> None:
        """Do what follows each step of G, such as a moving average."""

    def _with_remedies(self, player: str, terms: dict[str, Tensor]) -> Loss:
        for remedy in self.remedies:
            terms = {**terms, **remedy.terms(self, player)}
        return terms

    def belief(self, x: Tensor) -> Tensor | None:
        if self.loss.belief is None or self.conditional or self._pack > 1:
            return None
        return self.loss.belief(self.score(self.real(Batch(x)), Batch(x)))
