import pytest

from ungrid.bench.papers.setting import OURS, PAPERS, Case, Published, Scale, Setting, verdict

FULL = Scale("as published", 10, is_papers=True)


def a_setting(psnr, *, same_data=True):
    published = {"method": Published(psnr, "somewhere", same_data)}
    return Setting("title", "paper", "psnr", published, 0.5, {}, lambda work: iter(()))


def judged(setting, psnr, *, scale=FULL, role=PAPERS, method="method"):
    return verdict(setting, scale, Case("data", method, role, lambda earlier: None), psnr)


@pytest.mark.parametrize(("psnr", "said"), [(30.0, "pass"), (30.5, "pass"), (29.4, "fail"), (30.6, "fail"), (None, "fail")])
def test_a_published_value_is_reached_within_the_tolerance_on_either_side(psnr, said):
    assert judged(a_setting(30.0), psnr) == said


def test_what_was_not_read_or_is_not_the_same_is_not_compared():
    assert judged(a_setting(None), 30.0) == "not compared: unread"
    assert judged(a_setting(30.0, same_data=False), 30.0) == "not compared: other data"
    assert judged(a_setting(30.0), 30.0, scale=Scale("small", 10)) == "not compared: smaller than published"


def test_only_the_papers_own_methods_are_judged():
    assert judged(a_setting(30.0), 30.0, role=OURS) is None
    assert judged(a_setting(30.0), 30.0, method="another") is None
