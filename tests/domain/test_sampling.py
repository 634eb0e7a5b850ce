import torch

from ungrid.domain.sampling import Batch, Sampler
from ungrid.fit.orders import Uniform
from ungrid.fit.samplers import IndexSampler, PointObservations


def test_a_batch_is_cut_into_parts_in_order():
    batch = Batch(torch.arange(14.0).reshape(7, 2), torch.arange(7.0)[:, None], torch.arange(7))
    parts = list(batch.split(3))
    assert [len(part) for part in parts] == [3, 3, 1]
    assert torch.equal(torch.cat([part.query for part in parts]), batch.query)
    assert torch.equal(torch.cat([part.target for part in parts]), batch.target)
    assert torch.equal(torch.cat([part.member for part in parts]), batch.member)


def test_a_batch_that_fits_stays_whole():
    batch = Batch(torch.zeros(4, 2), torch.zeros(4, 1))
    assert list(batch.split(None)) == [batch]
    assert list(batch.split(4)) == [batch]
    assert [part.member for part in batch.split(2)] == [None, None]


def test_an_empty_batch_is_one_part():
    assert [len(part) for part in Batch(torch.zeros(0, 2), torch.zeros(0, 1)).split(3)] == [0]


def test_the_index_sampler_is_a_sampler():
    assert isinstance(IndexSampler(PointObservations(torch.zeros(1, 2), torch.zeros(1, 1)), Uniform()), Sampler)
