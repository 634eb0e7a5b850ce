import ast
from pathlib import Path

import torch

import ungrid
from ungrid import fitting
from ungrid.fit.guard import Guard
from ungrid.fit.limits import Limits
from ungrid.presets.plan import plan_signal
from ungrid.testing.toys import tiny_picture

RANDOM = {"rand", "randn", "randint", "randperm", "normal", "multinomial", "bernoulli", "uniform_", "normal_", "bernoulli_"}


def fitted(seed):
    plan = plan_signal(tiny_picture(), "fast", seed=seed)
    return fitting.carry_out(plan, Limits(steps=6), seed=seed, device="cpu", guard=Guard())


def test_the_same_seed_gives_the_same_bits_and_another_seed_others():
    first, again, other = (fitted(seed).state_dict() for seed in (5, 5, 6))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_a_fit_neither_reads_nor_moves_the_global_generator():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        before = torch.get_rng_state()
        first = fitted(0).state_dict()
        assert torch.equal(torch.get_rng_state(), before)
        torch.manual_seed(2)
        again = fitted(0).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_every_random_number_in_the_source_comes_from_a_generator_that_is_passed():
    wrong = []
    for path in sorted(Path(ungrid.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if node.func.attr in RANDOM and not any(keyword.arg == "generator" for keyword in node.keywords):
                owner = node.func.value
                if isinstance(owner, ast.Name) and owner.id == "rng":  # NumPy's generator, itself passed
                    continue
                if node.func.attr == "normal" and not (isinstance(owner, ast.Name) and owner.id == "torch"):
                    continue  # the normal operator of a least-squares problem
                wrong.append(f"{path.name}:{node.lineno}")
            if node.func.attr in {"seed", "manual_seed_all"} or ast.unparse(node.func) == "torch.manual_seed":
                wrong.append(f"{path.name}:{node.lineno}")
    allowed = {"contracts.py"}  # sets the global seed, and puts it back, to prove that nothing reads it
    assert [where for where in wrong if where.split(":")[0] not in allowed] == []
