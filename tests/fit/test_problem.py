import pytest
import torch

from ungrid.errors import InputError
from ungrid.fit.problem import Judge, Problem, Term
from ungrid.tasks.represent import represent
from ungrid.testing.toys import tiny_picture


class Smoothness:
    """A term without a sampler."""

    name = "smoothness"

    def weight(self, progress):
        return 1.0

    def sample(self, rng, field, batch_size):
        return None

    def __call__(self, field, batch):
        return torch.zeros(())


def test_the_samplers_of_a_problem_are_those_of_its_terms():
    problem = represent(tiny_picture())
    both = Problem((*problem.terms, Smoothness()))
    assert both.samplers() == {"misfit": problem.terms[0].sampler}
    both.to(torch.device("cpu"))


def test_terms_and_judges_are_known_by_what_they_do():
    problem = represent(tiny_picture())
    assert isinstance(Smoothness(), Term)
    assert isinstance(problem.terms[0], Term)
    assert isinstance(problem.judge, Judge)
    assert not isinstance(object(), Term)


def test_two_terms_of_one_name_are_refused_since_batches_go_by_it():
    terms = represent(tiny_picture()).terms
    with pytest.raises(InputError, match=r"terms of different names; got \['misfit', 'misfit'\]"):
        Problem((*terms, *terms))
    with pytest.raises(InputError, match="terms of different names"):
        Problem(())
