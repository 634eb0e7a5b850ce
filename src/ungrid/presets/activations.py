"""Named settings of the networks that differ in their activation: each takes bare coordinates and was made for pictures."""

from ungrid.domain.box import Box
from ungrid.encodings.identity import Identity
from ungrid.fields.base import Field
from ungrid.fields.encoded import EncodedField
from ungrid.fields.record import Recipe
from ungrid.networks.base import Network
from ungrid.networks.finer import Finer
from ungrid.networks.finer_gauss import FinerGauss
from ungrid.networks.finer_wire import FinerWire
from ungrid.networks.gauss import Gauss
from ungrid.networks.hosc import Hosc
from ungrid.networks.incode import Incode
from ungrid.networks.sinc import Sinc
from ungrid.networks.wire import Wire


def wire(
    box: Box,
    out_dim: int,
    *,
    width: int = 256,
    depth: int = 3,
    omega: float = 20.0,
    scale: float = 30.0,
    wavelet: str = "complex",
    seed: int = 0,
) -> Field:
    """WIRE for a picture, by its authors' script `wire_image_denoise.py` and the advice that it gives (saragadam2023wire).

    Three layers of wavelets (the script's `hidden_layers=2` counts those after the first), 181 complex units each for a width of
    256; ω = 20 and s = 30, which the script advises for representing a picture (4 and 4 to denoise one); Adam on batches of 2¹⁶
    samples from 5e-3, the low end of the rates that it advises, falling to a tenth over the fit. Values in [0, 1]. Differs from
    it: 2,000 steps where it makes 2,000 passes, and the rate is not lowered for pictures of more than 2¹⁶ samples.

    Args:
        box: where the field lives.
        out_dim: channels.
        width, depth: of the network's hidden layers, see `Wire`.
        omega: ω of all layers.
        scale: s, the inverse width of the wavelets' window.
        wavelet: "complex", "complex_2d" or "real".
        seed: of the weights.
    """
    network = Wire(
        box.dim,
        out_dim,
        width,
        depth=depth,
        first_omega=omega,
        hidden_omega=omega,
        scale=scale,
        wavelet=wavelet,
        seed=seed,
    )
    field = EncodedField(box, Identity(box.dim), network)
    field.recipe = Recipe(learning_rate=5e-3, schedule="exponential", steps=2000, batch_size=2**16)
    return field


def finer(
    box: Box,
    out_dim: int,
    *,
    width: int = 256,
    depth: int = 4,
    first_omega: float = 30.0,
    hidden_omega: float = 30.0,
    first_bias_scale: float | None = None,
    alpha_gradient: bool = False,
    seed: int = 0,
) -> Field:
    """FINER for a picture, by its authors' script `run_finer.sh` (liu2024finer).

    Four hidden layers of 256 (the script's `HIDDENLAYERS=3` counts those after the first), ω = 30; Adam on all samples at once
    from 5e-4, falling to a tenth over 5,000 steps. The script fits values in [-1, 1]; here the last layer is scaled to [0, 1].

    Args:
        box: where the field lives.
        out_dim: channels.
        width, depth: of the network's hidden layers.
        first_omega, hidden_omega: frequency factors ω₀.
        first_bias_scale: the first biases start as U(±k); None, as in the script, for U(±1/√d).
        alpha_gradient: whether descent sees |u| + 1 change with the weights, see `Finer`; in the authors' code it does not.
        seed: of the weights.
    """
    network = Finer(
        box.dim,
        out_dim,
        width,
        depth=depth,
        first_omega=first_omega,
        hidden_omega=hidden_omega,
        first_bias_scale=first_bias_scale,
        alpha_gradient=alpha_gradient,
        seed=seed,
    )
    return _of_finer(box, network, 5e-4)


def finer_gauss(
    box: Box,
    out_dim: int,
    *,
    width: int = 256,
    depth: int = 4,
    scale: float = 3.0,
    omega: float = 10.0,
    first_bias_scale: float = 1.0,
    alpha_gradient: bool = False,
    seed: int = 0,
) -> Field:
    """FINER++ on Gaussians for a picture, by its authors' script `run.sh` (zhu2024finerplusplus).

    s = 3, ω = 10, first biases U(±1); Adam from 1e-3, otherwise as `finer`.

    Args:
        box: where the field lives.
        out_dim: channels.
        width, depth: of the network's hidden layers.
        scale: s, the inverse width of a bump.
        omega: ω of all layers.
        first_bias_scale: the first biases start as U(±k).
        alpha_gradient: whether descent sees |u| + 1 change with the weights, see `Finer`; in the authors' code it does not.
        seed: of the weights.
    """
    network = FinerGauss(
        box.dim,
        out_dim,
        width,
        depth=depth,
        scale=scale,
        omega=omega,
        first_bias_scale=first_bias_scale,
        alpha_gradient=alpha_gradient,
        seed=seed,
    )
    return _of_finer(box, network, 1e-3)


def finer_wire(
    box: Box,
    out_dim: int,
    *,
    width: int = 256,
    depth: int = 4,
    scale: float = 2.0,
    wave_omega: float = 4.0,
    omega: float = 5.0,
    alpha_gradient: bool = False,
    seed: int = 0,
) -> Field:
    """FINER++ on wavelets for a picture, by its authors' script `run.sh` (zhu2024finerplusplus).

    s = 2, ω_w = 4, ω = 5, first biases U(±1), 181 complex units for a width of 256; Adam from 1e-3, otherwise as `finer`.

    Args:
        box: where the field lives.
        out_dim: channels.
        width, depth: of the network's hidden layers, see `FinerWire`.
        scale: s, the inverse width of the wavelets' window.
        wave_omega: ω_w of the wavelets.
        omega: ω of the sine within them.
        alpha_gradient: whether descent sees |u| + 1 change with the weights, see `Finer`; in the authors' code it does not.
        seed: of the weights.
    """
    network = FinerWire(
        box.dim,
        out_dim,
        width,
        depth=depth,
        scale=scale,
        wave_omega=wave_omega,
        omega=omega,
        alpha_gradient=alpha_gradient,
        seed=seed,
    )
    return _of_finer(box, network, 1e-3)


def gauss(box: Box, out_dim: int, *, width: int = 256, depth: int = 4, std: float = 0.0236, seed: int = 0) -> Field:
    """Gaussian activations (ramasinghe2022beyond) for a picture, as the authors of FINER fit them in their script `run_gauss.sh`.

    Their scale of 30 is a standard deviation of 1 / (30√2); Adam from 5e-3, otherwise as `finer`. We found no code by the authors
    of the activation.

    Args:
        box: where the field lives.
        out_dim: channels.
        width, depth: of the network's hidden layers.
        std: standard deviation of the activation.
        seed: of the weights.
    """
    return _of_finer(box, Gauss(box.dim, out_dim, width, depth=depth, std=std, seed=seed), 5e-3)


def sinc(box: Box, out_dim: int, *, width: int = 256, depth: int = 4, omega: float = 10.0, seed: int = 0) -> Field:
    """Sinc activations for a picture (saratchandran2024sampling), fitted as FINER's authors fit theirs.

    The paper gives the activation; ω = 10, the rate of 1e-3 and all else are chosen by us, otherwise as `finer`.

    Args:
        box: where the field lives.
        out_dim: channels.
        width, depth: of the network's hidden layers.
        omega: ω of all layers.
        seed: of the weights.
    """
    return _of_finer(box, Sinc(box.dim, out_dim, width, depth=depth, omega=omega, seed=seed), 1e-3)


def hosc(
    box: Box,
    out_dim: int,
    *,
    width: int = 256,
    depth: int = 4,
    beta: float = 2.0,
    learn_beta: bool = False,
    omega: float = 30.0,
    seed: int = 0,
) -> Field:
    """HOSC for a picture (serrano2024hosc), fitted as FINER's authors fit theirs.

    The paper gives the activation; β = 2, ω = 30, the rate of 5e-4 and all else are chosen by us, otherwise as `finer`.

    Args:
        box: where the field lives.
        out_dim: channels.
        width, depth: of the network's hidden layers.
        beta: sharpness of all layers.
        learn_beta: whether each layer's sharpness is fitted along, the paper's AdaHOSC.
        omega: ω of all layers.
        seed: of the weights.
    """
    network = Hosc(
        box.dim,
        out_dim,
        width,
        depth=depth,
        beta=beta,
        learn_beta=learn_beta,
        first_omega=omega,
        hidden_omega=omega,
        seed=seed,
    )
    return _of_finer(box, network, 5e-4)


def incode(
    box: Box,
    out_dim: int,
    *,
    width: int = 256,
    depth: int = 4,
    first_omega: float = 30.0,
    hidden_omega: float = 30.0,
    code_dim: int = 64,
    harmonizer_widths: tuple[int, ...] = (64, 32),
    seed: int = 0,
) -> Field:
    """INCODE for a picture, by its authors' notebook `train_image.ipynb` (kazerouni2024incode).

    Four sine layers of 256 (the notebook's `hidden_layers=3` counts those after the first), ω = 30, a harmonizer of 64 and 32;
    Adam on batches of 2¹⁶ samples from 9e-4, falling to a tenth over the fit. Values in [0, 1]. Differs from it: 1,500 steps
    where it makes 501 passes of a few batches each; a fitted code in place of features of the picture, and no penalty on the
    sines' parameters, see `Incode`.

    Args:
        box: where the field lives.
        out_dim: channels.
        width, depth: of the network's hidden layers.
        first_omega, hidden_omega: frequency factors ω₀.
        code_dim, harmonizer_widths: of the network that tunes the sines.
        seed: of weights and code.
    """
    network = Incode(
        box.dim,
        out_dim,
        width,
        depth=depth,
        first_omega=first_omega,
        hidden_omega=hidden_omega,
        code_dim=code_dim,
        harmonizer_widths=harmonizer_widths,
        seed=seed,
    )
    field = EncodedField(box, Identity(box.dim), network)
    field.recipe = Recipe(learning_rate=9e-4, schedule="exponential", steps=1500, batch_size=2**16)
    return field


def _of_finer(box: Box, network: Network, learning_rate: float) -> Field:
    """A field as FINER's authors fit pictures: values in [-1, 1], 5,000 steps on all samples, the rate falling to a tenth."""
    field = EncodedField(box, Identity(box.dim), network, (0.5,), (0.5,))
    field.recipe = Recipe(learning_rate=learning_rate, schedule="exponential", steps=5000)
    return field
