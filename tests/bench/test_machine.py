from ungrid.bench.machine import commit, machine


def test_the_machine_is_described():
    found = machine()
    assert found["cores"] >= 1
    assert "kernels" in found["kernels"]
    assert found["processor"] is not None


def test_the_commit_is_a_hash_or_a_version():
    assert len(commit()) >= 3
