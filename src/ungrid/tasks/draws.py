"""What a fit draws its batches from: a signal's samples and estimates between them; which of them it does not see at first."""

import torch
from torch import Tensor

from ungrid.errors import InputError
from ungrid.fit.orders import ORDERS, Order
from ungrid.fit.samplers import GridObservations, IndexSampler, Observations
from ungrid.fit.spline import SplineObservations, from_neighbors
from ungrid.fit.tiles import TileSampler
from ungrid.signals.base import Signal
from ungrid.spec import lookup
from ungrid.tasks.complete import complete, midpoints, refined
from ungrid.terms.spline_sums import SampledSums
from ungrid.terms.whole_grid import WholeSamples

HELDOUT_FRACTION = 0.01
HELDOUT_MOST = 20_000
TILES = "tiles"
LATTICES = "lattices"
SUMS, SOLVED_SUMS = "sums", "solved_sums"
WHOLE = "whole"
WHOLE_BYTES = 60  # a value, that a fit to all samples at once takes; 54 to 60 on volumes of 9 to 17 million
SPLINE = "spline"
ESTIMATES = ("none", "samples", "cubic", "between", SPLINE)


def draws(
    signal: Signal,
    observed: Observations,
    order: str,
    estimates: str,
    *,
    mask: Tensor | None,
    kept: Tensor | None,
    withheld: Tensor | None,
    max_memory: int | None = None,
) -> IndexSampler | TileSampler | SampledSums | WholeSamples:
    """The sampler of a fit; arguments as of `tasks.represent`.

    Args:
        signal: what is fitted.
        observed: its samples, and what each counts.
        order, estimates: names.
        mask: [*shape] which samples are known, or None for all.
        kept, withheld: indices that the fit sees from the start, and later, see `hold_out`.
        max_memory: bytes that estimating, or a fit to all samples at once, may take.

    Raises:
        InputError: an order or estimates that do not go with the signal, or with each other.
        UnknownName: no such kind of estimates, no such order.
    """
    lookup(estimates, dict.fromkeys(ESTIMATES), "kind of estimates")
    in_blocks = order in (TILES, LATTICES)
    is_plain = isinstance(observed, GridObservations) and observed.weight is None
    if not is_plain and (in_blocks or estimates != "none"):
        how = order if in_blocks else "estimates between the samples"
        raise InputError(
            f"{how} take values on a grid that all count alike, not a signal of kind {signal.kind}; take another preset"
        )
    if (in_blocks or order in (SUMS, SOLVED_SUMS, WHOLE)) and estimates != "none":
        raise InputError(f'{order} hold samples alone, and estimates {estimates!r} were asked for; say estimates="none"')
    if in_blocks:
        return TileSampler(signal.grid, signal.values, known=kept, withheld=withheld, is_spread=order == LATTICES)
    if order in (SUMS, SOLVED_SUMS):
        return SampledSums(signal.grid, signal.values, known=kept, withheld=withheld, is_solved=order == SOLVED_SUMS)
    if order == WHOLE:
        needed = WHOLE_BYTES * signal.values.numel()
        if max_memory is not None and needed > max_memory:
            raise InputError(
                f"a spline of {signal.values.numel():,} samples at once takes about {needed:,} bytes, and max_memory is "
                f"{max_memory:,}; allow more, or say --preset dense_grid"
            )
        return WholeSamples(signal.grid, signal.values, known=kept, withheld=withheld)
    draw: Order = lookup(order, dict.fromkeys([*ORDERS, TILES, LATTICES, SUMS, SOLVED_SUMS, WHOLE]) | ORDERS, "order")()
    if estimates == SPLINE:
        return _splined(signal, mask, withheld, draw)
    if estimates in ("cubic", "between") or (estimates == "samples" and mask is not None):
        return _estimated(signal, kept, withheld, estimates, draw, max_memory)
    return IndexSampler(observed, draw, known=kept, withheld=withheld)


def hold_out(size: int, known: Tensor | None, fraction: float, seed: int) -> tuple[Tensor | None, Tensor | None]:
    """Indices that the fit may see from the start, and those it may see later."""
    n_known = size if known is None else len(known)
    n = min(int(n_known * fraction), HELDOUT_MOST)
    if n == 0:
        return known, None
    rng = torch.Generator().manual_seed(seed + 0x5EED)
    withheld = torch.randint(n_known, (2 * n,), generator=rng).unique()  # sorted; twice as many, as some are drawn twice
    withheld = withheld[torch.randperm(len(withheld), generator=rng)[:n]].sort().values
    is_kept = torch.ones(n_known, dtype=torch.bool)
    is_kept[withheld] = False
    kept = is_kept.nonzero().squeeze(-1)
    if known is not None:
        return known[kept], known[withheld]
    return (kept.int() if size < 2**31 else kept), withheld  # half the memory where it matters: large pictures


def _splined(signal: Signal, mask: Tensor | None, withheld: Tensor | None, order: Order) -> IndexSampler:
    """A sampler of samples and of the spline between them; withheld samples are estimated from their neighbors at first."""
    if mask is not None:
        raise InputError('a spline runs through all samples, and a mask leaves some out; say estimates="samples"')
    if withheld is None:
        return IndexSampler(SplineObservations(signal.grid, signal.values), order)
    values = signal.values.clone()
    flat = values.reshape(signal.grid.size, -1)
    flat[withheld] = from_neighbors(signal.values, withheld)
    truth = signal.values.reshape(signal.grid.size, -1)[withheld]
    return IndexSampler(SplineObservations(signal.grid, values), order, withheld=withheld, truth=truth)


def _estimated(
    signal: Signal, kept: Tensor | None, withheld: Tensor | None, estimates: str, order: Order, max_memory: int | None
) -> IndexSampler:
    """A sampler of known and estimated values alike; estimates at the withheld samples give way to the truth later."""
    limit = {} if max_memory is None else {"max_memory": max_memory}
    known = torch.ones(signal.grid.size, dtype=torch.bool)
    if kept is not None:
        known = torch.zeros_like(known).index_fill_(0, kept.long(), True)
    grid, step = signal.grid, 1
    few = estimates == "cubic" and float(known.float().mean()) > 0.9  # samples that are missing: soon done
    values = complete(signal.values, known.reshape(grid.shape), rounds=1 if few else 4, **limit)
    if estimates != "samples":
        grid, step = grid.with_midpoints(), 2
        values = midpoints(values) if estimates == "cubic" else refined(values, **limit)
    if withheld is None:
        return IndexSampler(GridObservations(grid, values), order)
    place = torch.zeros_like(withheld)  # of the withheld samples among the estimates
    for n, position in zip(grid.shape, torch.unravel_index(withheld, signal.grid.shape), strict=True):
        place = place * n + position * (step if n > 1 else 1)
    truth = signal.values.reshape(signal.grid.size, -1)[withheld]
    return IndexSampler(GridObservations(grid, values), order, withheld=place, truth=truth)
