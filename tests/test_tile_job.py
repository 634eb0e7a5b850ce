import math

from ungrid.tasks.represent import represent
from ungrid.testing.examples import wave_field
from ungrid.testing.toys import tiny_picture
from ungrid.tile_job import QuickJudge


def test_a_tile_is_judged_by_the_samples_that_are_watched():
    picture = tiny_picture()
    judge, field = represent(picture).judge, wave_field(picture.box, picture.out_dim, 0)
    quick = QuickJudge(judge)
    assert quick.quality(field) == {"psnr": judge.monitor(field)}
    assert math.isfinite(quick.quality(field)["psnr"])
    assert quick.heldout(field) == judge.heldout(field)
