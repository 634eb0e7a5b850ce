import math

import torch

from ungrid.metrics.audio import snr
from ungrid.restoration.sound_candidates import MOST_WINDOW, SOUND_CANDIDATES, Stretch, windows


def tone_with_gap(n=6000, rate=8000):
    sound = torch.sin(2 * math.pi * 440 / rate * torch.arange(n))
    lost = torch.zeros(n, dtype=torch.bool)
    lost[3000:3040] = True
    free = torch.full((n,), math.inf)
    stretch = Stretch(sound.masked_fill(lost, 0), torch.where(lost, -free, sound), torch.where(lost, free, sound), float(rate))
    return sound, lost, stretch


def test_every_candidate_that_serves_keeps_what_is_known():
    sound, lost, stretch = tone_with_gap()
    served = {name: each for name, each in SOUND_CANDIDATES.items() if each.serves(stretch)}
    assert set(SOUND_CANDIDATES) - set(served) == {"projection"}
    for candidate in served.values():
        assert torch.equal(candidate.restore(stretch).values[~lost], sound[~lost])


def test_a_tone_goes_on_across_a_gap_but_not_by_polynomials():
    sound, lost, stretch = tone_with_gap()
    told = {
        name: snr(SOUND_CANDIDATES[name].restore(stretch).values[lost, None], sound[lost, None])
        for name in ("sparse_mean", "sparse_field", "autoregressive", "autoregressive_short", "cubic_gaps")
    }
    assert min(told["sparse_mean"], told["sparse_field"], told["autoregressive"], told["autoregressive_short"]) > 20
    assert told["cubic_gaps"] < 5


def test_what_has_a_bound_is_no_gap():
    _, _, stretch = tone_with_gap()
    assert stretch.is_free
    assert not stretch._replace(lower=stretch.lower.clamp_min(-9)).is_free


def test_windows_hold_all_that_is_lost_and_its_context():
    known = torch.ones(MOST_WINDOW + 50_000, dtype=torch.bool)
    known[100:110] = known[300:310] = known[20_000:20_001] = False
    assert list(windows(known, 1000, 2000)) == [(slice(0, 1310), slice(100, 310)), (slice(19_000, 21_001), slice(20_000, 20_001))]
    known[30_000:] = False
    _, inner = zip(*windows(known, 10, 20), strict=True)
    assert [part.stop - part.start for part in inner[-2:]] == [MOST_WINDOW, len(known) - 30_000 - MOST_WINDOW]
    assert len(list(windows(known, 1000, 100))) > len(list(windows(known, 1000, 2000)))
    assert list(windows(torch.ones(5, dtype=torch.bool))) == []
