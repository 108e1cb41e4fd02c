"""What each metric measures, in a line for readers, and where its values can lie."""

import math
from typing import NamedTuple


class Entry(NamedTuple):
    """One line of the glossary; `low` and `high` bound the metric whatever the data."""

    title: str
    line: str
    low: float = -math.inf
    high: float = math.inf


# The order is the order of the columns of a board. A line per metric, however long, reads as a table.
# ruff: noqa: E501
GLOSSARY = {
    "fid": Entry("FID", "Fréchet distance between Gaussians fitted to the judge's features of generated and of real data; its bias falls as samples grow.", 0),
    "fid_unbiased": Entry("FID∞", "FID extrapolated to infinitely many samples, which removes most of its bias."),
    "kid": Entry("KID", "Squared maximum mean discrepancy of features under a cubic kernel; unbiased, so it may fall below zero."),
    "is": Entry("IS", "Inception score: exp of the mean divergence of a sample's class probabilities from the marginal; from 1 to the number of classes. Blind to collapse within a class.", 1),
    "precision": Entry("Precision", "Share of generated samples that fall inside the estimated manifold of real data.", 0, 1),
    "recall": Entry("Recall", "Share of real data that falls inside the estimated manifold of generated samples.", 0, 1),
    "density": Entry("Density", "How densely real neighbourhoods are filled by generated samples; may exceed 1.", 0),
    "coverage": Entry("Coverage", "Share of real samples whose neighbourhood holds a generated one.", 0, 1),
    "prd_f8": Entry("PRD F8", "Point of the precision-recall curve of distributions that weighs recall.", 0, 1),
    "prd_f1_8": Entry("PRD F1/8", "Point of the precision-recall curve of distributions that weighs precision.", 0, 1),
    "reverse_kl": Entry("Reverse KL", "Divergence of the generated shares of the modes from the true shares, in nats, over high-quality samples; perfect ones score about (modes − 1) / (2 · samples).", 0),
    "reverse_kl_third": Entry("Reverse KL ⅓", "Reverse KL of the modes that hold at least a third of what they should; the others count as lost.", 0),
    "modes": Entry("Modes", "Modes hit by at least one high-quality sample.", 0),
    "modes_third": Entry("Modes ⅓", "Modes that hold at least a third of the samples they should, counting those of high quality.", 0),
    "captured_mass": Entry("Captured mass", "Share of the true mass in modes that hold at least a third of the samples they should.", 0, 1),
    "high_quality": Entry("High quality", "Share of samples within three standard deviations of a mode; perfect samples in the plane reach 0.989, and more means too little spread.", 0, 1),
    "wasserstein1": Entry("Wasserstein-1", "Mean distance that mass must travel to turn generated into real samples.", 0),
    "wasserstein2": Entry("Wasserstein-2", "As Wasserstein-1, with squared distances under a root.", 0),
    "classes": Entry("Classes", "Classes to which the judge assigns at least a tenth of the samples they should have.", 0),
    "classes_seen": Entry("Classes seen", "Classes to which the judge assigns at least one sample.", 0),
    "class_kl": Entry("Class KL", "Divergence of the generated class shares from the real ones, in nats.", 0),
    "confidence": Entry("Confidence", "How sure the judge is: mean of its largest class probability. One perfect picture, repeated, scores best.", 0, 1),
    "entropy": Entry("Entropy", "Entropy of the mean class probabilities, in nats: how evenly the classes are filled; higher is better only up to that of the data.", 0),
    "ndb": Entry("NDB", "Share of clusters of the training data whose mass differs significantly; real data scores about 0.05.", 0, 1),
    "ndb_jsd": Entry("NDB JSD", "Jensen-Shannon divergence of the samples' shares of those clusters from the training data's, in nats.", 0, math.log(2)),
    "ms_ssim": Entry("MS-SSIM", "Mean structural similarity of pairs of samples of one class: no score, since real data are alike to some degree too.", -1, 1),
    "ms_ssim_gap": Entry("MS-SSIM gap", "How far MS-SSIM is from that of pairs of real data.", 0, 2),
    "birthday_support": Entry("Birthday support", "log10 of how many different samples there are, estimated from how often two are near-duplicates.", 0),
    "authenticity": Entry("Authenticity", "Share of samples that are not nearer to a training sample than that one is to its own neighbour.", 0, 1),
    "ct": Entry("C_T", "z-score of distances to training data against those of held-out data; far below zero means copying."),
    "label_accuracy": Entry("Label accuracy", "Share of samples that the judge puts in the class that was asked for.", 0, 1),
    "cas": Entry("CAS", "Accuracy on real data of a classifier trained on samples alone.", 0, 1),
    "cas_real": Entry("CAS, real", "Accuracy of the same classifier trained on real data: no score, but what CAS is read against.", 0, 1),
    "intra_fid": Entry("Intra-class FID", "Mean over classes of the FID of the samples asked for a class to real data of that class.", 0),
    "ppl": Entry("PPL", "Perceptual path length: how far the judge's features move on short steps between latents; short means smooth.", 0),
    "pair_agreement": Entry("Pair agreement", "How far the halves of a pair agree with the known transform: the share of equal pixels, black or white; of points, the share of pairs within three standard deviations. Read it against Pair chance.", 0, 1),
    "pair_chance": Entry("Pair chance", "Pair agreement of the same samples with partners swapped: no score, but the level above which agreement begins.", 0, 1),
    "translation_error": Entry("Translation error", "Mean distance between a sample's true partner and the one it has: of pixels, absolute; of points, Euclidean.", 0),
    "label_agreement": Entry("Label agreement", "Share of pairs whose halves are of one class.", 0, 1),
    "cycle_error": Entry("Cycle error", "Mean distance of second-domain data from what comes back of it, after translation there and back.", 0),
    "jsd": Entry("JSD", "Jensen-Shannon divergence of generator and data, in nats; from 0 to 0.693. Estimated low, by about 0.01 with 10,000 samples, so that it may fall below zero: compare with the row of real data."),
    "d_error": Entry("D error", "Mean distance of D's beliefs from those of the best D, p / (p + q); the noise of the estimate alone makes about 0.05.", 0, 1),
    "game_value": Entry("Game value", "Value of the minimax game at the trained D, in nats: no score, since D raises it and G lowers it. Read it beside the one at the best D.", high=0),
    "game_value_optimal": Entry("Game value, best D", "Value of the game at the best D for this generator, −log 4 + 2 JSD: −1.386 where samples are perfect, 0 where they share no ground with the data.", high=0),
    "best_last_gap": Entry("Best–last gap", "How much worse the last checkpoint is than the best one on the validation split.", 0),
    "oscillation": Entry("Oscillation", "Mean absolute change between neighbouring evaluations at the end of the budget.", 0),
}  # fmt: skip


def entry(metric: str) -> Entry:
    """The metric's line, or an honest blank for a metric that came from a plugin."""
    return GLOSSARY.get(metric, Entry(metric, "A plugin's metric; its package describes it."))


def ordered(metrics: list[str], first: str = "") -> list[str]:
    """Metrics in the glossary's order, strangers after them by name, `first` before all."""
    place = {name: i for i, name in enumerate(GLOSSARY)}
    return sorted(set(metrics), key=lambda m: (m != first, place.get(m, len(place)), m))
