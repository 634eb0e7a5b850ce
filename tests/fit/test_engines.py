import numpy as np
import pytest

import ungrid as ug
from ungrid.cli.main import main
from ungrid.errors import InputError, MachineError, MissingExtra, UnknownName
from ungrid.fit import engines
from ungrid.fit.engines import ENGINES, Crew, carry, check_engine
from ungrid.testing.toys import Squares


@pytest.fixture
def cluster():
    """A cluster of one worker in this process, whose client is the current one."""
    distributed = pytest.importorskip("distributed", reason="needs the extra: scale")
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None) as local,
        distributed.Client(local) as client,
    ):
        yield client


def test_an_unknown_engine_is_refused_with_the_nearest_one():
    with pytest.raises(UnknownName, match="did you mean 'slurm'"):
        check_engine("slurn")
    assert list(ENGINES) == ["local", "dask", "slurm"]


def test_jobs_here_are_those_of_run_jobs():
    assert [outcome.result["square"] for outcome in carry([3, 1], Squares(), Crew())] == [9, 1]


def test_a_cluster_does_all_jobs_and_a_bad_one_leaves_the_others_alone(cluster):
    outcomes = {outcome.number: outcome for outcome in carry(range(5), Squares(failing=(2,)), Crew("dask"))}
    assert outcomes[2].error == "number 2 is bad"
    assert [outcomes[n].result["square"] for n in (0, 1, 3, 4)] == [0, 1, 9, 16]
    assert list(carry([], Squares(), Crew("dask"))) == []


def test_a_full_disk_of_a_worker_ends_the_jobs(cluster):
    def full(number):
        raise MachineError("the disk is full")

    with pytest.raises(MachineError, match="full"):
        list(carry([0, 1], full, Crew("dask")))


def test_tiles_and_many_signals_on_a_cluster_are_what_they_are_here(cluster, tmp_path, unchecked_types):
    values = np.random.default_rng(0).integers(0, 256, (40, 72), dtype=np.uint8)
    np.save(tmp_path / "a.npy", values)
    for engine in ("local", "dask"):
        words = f"fit {tmp_path / 'a.npy'} -o {tmp_path / engine}.ung --as image --tile 40 --workers 1 --steps 3"
        assert main([*words.split(), "--engine", engine, "--preset", "fast"]) == 0
    one, other = (ug.load(tmp_path / f"{engine}.ung") for engine in ("local", "dask"))
    assert one.tiling.size == 2
    assert one.metrics["quality"]["psnr"] == pytest.approx(other.metrics["quality"]["psnr"], abs=1e-3)
    np.save(tmp_path / "many.npy", values.reshape(5, 24, 24))
    here, there = (ug.fit_many(tmp_path / "many.npy", tmp_path / name, steps=3, engine=name) for name in ("local", "dask"))
    assert there.done == 5
    assert [row["psnr"] for row in here.rows] == pytest.approx([row["psnr"] for row in there.rows], abs=1e-3)


def test_without_the_packages_or_the_cluster_one_line_says_what_to_do(tmp_path, monkeypatch, capsys):
    np.save(tmp_path / "a.npy", np.zeros((3, 6, 7), np.uint8))
    monkeypatch.setattr(engines, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"ungrid\[scale\]"):
        ug.fit_many(tmp_path / "a.npy", tmp_path / "out", engine="dask")
    command = f"fit {tmp_path / 'a.npy'} -o {tmp_path / 'a.ung'} --as volume --engine"
    assert main([*command.split(), "dask"]) == 3
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main([*command.split(), "slurm"]) == 2
    assert "needs sbatch, which is not on PATH" in capsys.readouterr().err
    with pytest.raises(InputError, match="sbatch"):
        ug.fit_large(tmp_path / "a.npy", tmp_path / "a.ung", engine="slurm")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npy"]


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch):
    distributed = pytest.importorskip("distributed", reason="needs the extra: scale")

    def silent(*arguments, **options):
        raise OSError("timed out")

    monkeypatch.setattr(distributed, "Client", type("Client", (), {"current": staticmethod(_no_client), "__new__": silent}))
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", "tcp://nowhere:1")
    with pytest.raises(MachineError, match="no Dask scheduler answers at tcp://nowhere:1"):
        list(carry([1], Squares(), Crew("dask")))


def _no_client():
    raise ValueError("no client")
