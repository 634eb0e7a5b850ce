import json
from dataclasses import replace

import numpy as np
import pytest
import torch

import ungrid as ug
from ungrid.cli.main import main
from ungrid.measurements.noise import LEVELS, Gaussian
from ungrid.metrics.error import psnr
from ungrid.signals.audio import open_sound, sound_signal
from ungrid.signals.image import read_picture, write_picture
from ungrid.testing.toys import tiny_picture


@pytest.fixture
def noisy(tmp_path):
    picture = tiny_picture(32, 24)
    values = Gaussian(20 / LEVELS).simulate(picture.values, torch.Generator().manual_seed(0)).clamp(0, 1)
    write_picture(tmp_path / "noisy.png", picture.with_values(values), bit_depth=16)
    return tmp_path / "noisy.png"


def test_a_picture_is_restored_in_its_own_depth_and_told_as_json(capsys, noisy):
    output = noisy.with_name("clean.png")
    assert main(["restore", str(noisy), "-o", str(output), "--denoise", "gaussian:20", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"output", "seconds", "noise", "stopped_by", "shares", "residual"} <= set(told)
    assert told["noise"] == "gaussian:20"
    found, truth = read_picture(output), tiny_picture(32, 24).values
    assert found.source["bit_depth"] == 16
    assert psnr(found.values, truth) > psnr(read_picture(noisy).values, truth) + 5


def test_a_field_is_written_where_the_name_says_so(noisy):
    assert main(["restore", str(noisy), "-o", str(noisy.with_name("a.ung")), "--method", "total_variation", "--quiet"]) == 0
    assert ug.load(noisy.with_name("a.ung")).grid().shape == (32, 24)


def test_classical_results_are_written_beside_and_compared(capsys, noisy):
    line = ["restore", str(noisy), "-o", str(noisy.with_name("b.png")), "--method", "field", "--compare-classical", "--json"]
    assert main(line) == 0
    compared = json.loads(capsys.readouterr().out)["compared"]
    assert set(compared) == {"nonlocal_bayes", "total_variation"}
    for name, told in compared.items():
        assert read_picture(noisy.with_name(f"b.{name}.png")).grid.shape == (32, 24)
        assert told["method"] == name
        assert 0.5 < told["residual"] < 1.5


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("noisy.png -o out.png --denoise gaussian:-3", 2, "sigma is -3"),
        ("noisy.png -o out.png --denoise gaussian:nan", 2, "sigma is nan"),
        ("noisy.png -o out.png --denoise gauss:25", 2, "no noise is called 'gauss'"),
        ("noisy.png -o out.png --denoise poisson:0", 2, "peak is 0"),
        ("noisy.png -o out.png --method fields", 2, "did you mean 'field'"),
        ("noisy.png -o out.xyz", 2, "a restored picture is written to .ung"),
        ("noisy.png -o out", 2, "a restored picture is written to .ung"),
        ("noisy.png -o noisy.png", 2, "that is the input"),
        ("noisy.png", 2, "output"),
        ("noisy.png -o out.png --save-kernel k.png", 2, "give --deblur blind"),
        ("noisy.png -o out.png --deblur blind --save-kernel k.jpg", 2, "expected a name ending in .npy"),
        ("noisy.png -o out.png --deblur blind --save-kernel out.png", 2, "that is the input or the output"),
        ("noisy.png -o out.png --deblur blind --save-kernel nowhere/k.png", 6, "nowhere"),
        ("noisy.png -o out.png --deblur blind:x", 2, "no whole number"),
        ("missing.png -o out.png", 2, "there is no file"),
        ("text.png -o out.png", 2, "holds text"),
        ("sound.npy -o out.png", 2, "kind"),
        ("noisy.png -o nowhere/out.png", 6, "nowhere"),
        ("noisy.png -o out.png --denoisse auto", 2, "did you mean '--denoise'"),
    ],
)
def test_what_is_wrong_is_told_in_one_line_and_nothing_is_touched(capsys, monkeypatch, noisy, words, code, message):
    monkeypatch.chdir(noisy.parent)
    (noisy.parent / "text.png").write_text("hello\n")
    np.save(noisy.parent / "sound.npy", np.zeros(64, dtype=np.float32))
    before = {path.name: path.read_bytes() for path in noisy.parent.iterdir()}
    assert main(["restore", *words.split()]) == code
    told = capsys.readouterr()
    assert message in told.err
    assert len(told.err.strip().splitlines()) == 1
    assert {path.name: path.read_bytes() for path in noisy.parent.iterdir()} == before


@pytest.fixture
def clipped(tmp_path):
    t = np.arange(4000) / 4000
    values = (0.7 * np.sin(2 * np.pi * 300 * t) + 0.5 * np.sin(2 * np.pi * 410 * t)).clip(-0.5, 0.5)
    write_sound(tmp_path / "clipped.wav", sound_signal(values.astype(np.float32), 4000), bit_depth=16)
    return tmp_path / "clipped.wav"


def write_sound(path, signal, bit_depth):
    source = signal.source | {"sample_format": "int", "bit_depth": bit_depth}
    with open_sound(path, replace(signal, source=source).outline) as writer:
        writer.write_rows(signal.values)


@pytest.mark.parametrize("level", [[], ["0.5"]])
def test_a_clipped_sound_gets_its_peaks_back(capsys, clipped, level):
    output = clipped.with_name("whole.wav")
    assert main(["restore", "--declip", *level, str(clipped), "-o", str(output), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"output", "seconds", "noise", "stopped_by", "shares", "heldout"} <= set(told)
    assert told["noise"].startswith("clipping")
    found = ug.load(output)
    assert float(found.values.abs().max()) > 1
    assert found.source["sample_format"] == "float"
    assert found.source["sample_rate"] == 4000


@pytest.mark.parametrize("before", [["--declip", "restore"], ["--declip", "0.5", "restore"], ["restore", "--declip=0.5"]])
def test_a_level_may_be_left_out_wherever_the_option_stands(capsys, clipped, before):
    output = clipped.with_name("whole.wav")
    assert main([*before, str(clipped), "-o", str(output), "--method", "cubic_gaps", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["noise"].startswith("clipping")


def test_gaps_are_told_by_seconds_or_by_a_mask_and_classical_results_stand_beside(capsys, clipped):
    known = np.ones(4000, dtype=bool)
    known[2000:2010] = False
    np.save(clipped.with_name("known.npy"), known)
    outputs = [clipped.with_name(name) for name in ("a.wav", "b.wav")]
    for output, gaps in zip(outputs, ("0.5:0.5025", str(clipped.with_name("known.npy"))), strict=True):
        options = ["--gaps", gaps, "--method", "linear_gaps", "--compare-classical", "--json"]
        assert main(["restore", str(clipped), "-o", str(output), *options]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["noise"] == "gaps:1 (10 samples)"
        assert set(told["compared"]) == {"autoregressive", "autoregressive_short", "cubic_gaps", "linear_gaps"}
    assert outputs[0].read_bytes() == outputs[1].read_bytes()
    assert outputs[0].with_name("a.cubic_gaps.wav").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--declip", "0.9"], "no sample reaches the clipping level 0.9"),
        (["--declip", "-1"], "expected a number above 0"),
        (["--gaps", "2:3"], "outside of the sound, which ends at 1 s"),
        (["--gaps", "0.5"], "expected START:END in seconds"),
        (["--gaps", "0.5:x"], "'x' is not a number"),
        ([], "say what to undo in a signal of kind audio: Clipping or Gaps or Bandwidth"),
        (["--declip", "--denoise", "gaussian:5"], "are for pictures"),
        (["--bandwidth", "2000"], "the recording holds 2000 Hz, expected more"),
        (["--bandwidth", "4000", "--declip"], "extended by itself"),
        (["--declip", "--method", "sparse"], "did you mean 'sparse_"),
    ],
)
def test_a_sound_that_cannot_be_restored_gets_one_line_and_no_file(capsys, clipped, options, says):
    output = clipped.with_name("out.wav")
    assert main(["restore", str(clipped), "-o", str(output), *options]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert says in line
    assert not output.exists()


def test_formats_that_cut_peaks_off_and_other_kinds_are_refused(capsys, clipped, noisy):
    assert main(["restore", str(clipped), "-o", str(clipped.with_name("x.flac")), "--declip", "--quiet"]) == 2
    assert "cuts off; write to .wav" in capsys.readouterr().err
    assert main(["restore", str(clipped), "-o", str(clipped.with_name("x.png")), "--declip"]) == 2
    assert "a restored sound is written to .ung .wav" in capsys.readouterr().err
    assert main(["restore", str(noisy), "-o", str(noisy.with_name("x.png")), "--declip"]) == 2
    assert "Clipping is undone in audio; this is of kind image" in capsys.readouterr().err


def thick(path, axis):
    """A stack of 3 mm slices of a ball through x, y or z, with an affine that turns x round."""
    nibabel = pytest.importorskip("nibabel")
    at = np.stack(np.meshgrid(*[np.linspace(-1, 1, 18)] * 3, indexing="ij"))
    values = 100 / (1 + np.exp(15 * (np.linalg.norm(at, axis=0) - 0.7)))
    split = np.moveaxis(values, axis, 0).reshape(6, 3, 18, 18).mean(axis=1)
    affine = np.diag([-1.0, 1.0, 1.0, 1.0])
    affine[:3, 3] = (30.0, -10.0, 5.0)
    affine[:3, 3] += affine[:3, axis]  # the middle of the first slice
    affine[:3, axis] *= 3
    nibabel.save(nibabel.Nifti1Image(np.moveaxis(split, 0, axis).astype(np.float32), affine), path)
    return path


def test_thick_slices_become_a_nifti_volume_in_the_same_place(capsys, tmp_path):
    nibabel = pytest.importorskip("nibabel")
    source, output = thick(tmp_path / "thick.nii.gz", 2), tmp_path / "thin.nii.gz"
    options = ["--slices-to", "1", "--method", "smooth_slices", "--compare-classical", "--json"]
    assert main(["restore", str(source), "-o", str(output), *options]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["noise"] == "slices:3->1 mm along z, 3 mm thick"
    assert told["shape"] == [18, 18, 18, 1]
    found = nibabel.load(output)
    expected = np.diag([-1.0, 1.0, 1.0, 1.0])
    expected[:3, 3] = (30.0, -10.0, 5.0)
    np.testing.assert_allclose(found.affine, expected, atol=1e-5)
    np.testing.assert_allclose(found.header.get_zooms(), (1, 1, 1), atol=1e-5)
    assert (tmp_path / "thin.cubic_slices.nii.gz").exists()
    seen = found.get_fdata().reshape(18, 18, 6, 3).mean(axis=-1)
    assert np.abs(seen - nibabel.load(source).get_fdata()).max() < 5


def test_several_stacks_go_together(capsys, tmp_path):
    stacks = [thick(tmp_path / f"{axis}.nii.gz", axis) for axis in (2, 1, 0)]
    options = ["--slices-to", "1", "--stack", str(stacks[1]), "--stack", str(stacks[2]), "--method", "smooth_slices", "--json"]
    assert main(["restore", str(stacks[0]), "-o", str(tmp_path / "thin.ung"), *options]) == 0
    assert json.loads(capsys.readouterr().out)["noise"].endswith("3 stacks")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--slices-to", "3"], "expected a finer spacing"),
        (["--slices-to", "0"], "expected a number of mm above 0"),
        (["--slices-to", "1", "--thickness", "-1"], "expected a number of mm above 0"),
        (["--thickness", "2"], "say also with --slices-to"),
        (["--slices-to", "1", "--stack", "nowhere.nii.gz"], "no file"),
        ([], "say what to undo in a signal of kind volume: ThickSlices"),
    ],
)
def test_slices_that_cannot_be_get_one_line_and_no_file(capsys, tmp_path, options, says):
    source, output = thick(tmp_path / "thick.nii.gz", 2), tmp_path / "thin.nii.gz"
    assert main(["restore", str(source), "-o", str(output), *options]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert says in line
    assert not output.exists()


@pytest.mark.parametrize("name", ["k.png", "k.npy"])
def test_a_blur_that_was_found_is_kept_and_can_be_given_again(capsys, tmp_path, name):
    scene = torch.rand(13, 13, 1, generator=torch.Generator().manual_seed(0)).repeat_interleave(6, 0).repeat_interleave(6, 1)
    write_picture(tmp_path / "in.png", (scene[1:] + scene[:-1])[3:75, 3:75] / 2, bit_depth=16)
    ask = ["restore", str(tmp_path / "in.png"), "--method", "classical", "--denoise", "gaussian:1", "--json"]
    assert main([*ask, "-o", str(tmp_path / "a.png"), "--deblur", "blind:7", "--save-kernel", str(tmp_path / name)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["kernel"]["path"] == str(tmp_path / name)
    assert {"size", "sigma", "degrees", "evidence", "trusted"} <= set(told["kernel"])
    assert main([*ask, "-o", str(tmp_path / "b.png"), "--deblur", str(tmp_path / name)]) == 0
    assert psnr(read_picture(tmp_path / "a.png").values, read_picture(tmp_path / "b.png").values) > 60


def test_a_blur_that_is_not_borne_out_warns(capsys, tmp_path):
    write_picture(tmp_path / "in.png", torch.rand(64, 64, 1, generator=torch.Generator().manual_seed(0)))
    assert main(["restore", str(tmp_path / "in.png"), "-o", str(tmp_path / "a.png"), "--deblur", "blind:5", "--json"]) == 0
    told = capsys.readouterr()
    assert "do not trust it" in told.err
    assert json.loads(told.out)["kernel"]["trusted"] is False


@pytest.fixture
def burst(tmp_path):
    rng = torch.Generator().manual_seed(0)
    plane = torch.nn.functional.interpolate(torch.rand(1, 1, 12, 12, generator=rng), size=(112, 112), mode="bicubic")[0, 0]
    for k, (down, across) in enumerate(((0, 0), (2, 1), (1, 3))):
        part = plane[8 + down : 104 + down, 8 + across : 104 + across].clamp(0, 1)
        values = part.unflatten(0, (24, 4)).unflatten(2, (24, 4)).mean(dim=(1, 3))
        write_picture(tmp_path / f"{k}.png", tiny_picture(24, 24, ("gray",)).with_values(values[..., None]), bit_depth=16)
    return tmp_path


def test_shots_are_joined_and_their_shifts_told(capsys, burst):
    line = ["restore", "0.png", "--shots", "1.png", "2.png", "-o", "out.png", "--upscale", "2"]
    assert main([str(burst / word) if word.endswith(".png") else word for word in line] + ["--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["shape"] == [48, 48, 1]
    assert np.abs(np.array(told["shifts"]) - [[0, 0], [0.5, 0.25], [0.25, 0.75]]).max() < 0.05
    assert read_picture(burst / "out.png").grid.shape == (48, 48)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--shots", "expected"),
        ("--shots noise.png", "shot 2 does not show what the first one does"),
        ("--shots small.png", "shot 2 has 20×24×1 values, the first 24×24×1"),
        ("--shots 1.png --deblur gaussian:1", "deblur and inpaint are for one picture"),
        ("--shots 1.png --method field", "field is for one picture; shots are joined by auto"),
    ],
)
def test_shots_that_do_not_go_together_are_refused(capsys, burst, words, message):
    rng = torch.Generator().manual_seed(5)
    for name, shape in (("noise", (24, 24)), ("small", (20, 24))):
        picture = tiny_picture(*shape, ("gray",)).with_values(torch.rand(*shape, 1, generator=rng))
        write_picture(burst / f"{name}.png", picture, bit_depth=16)
    line = ["0.png", *words.split(), "-o", "out.png"]
    assert main(["restore", *(str(burst / word) if word.endswith(".png") else word for word in line)]) == 2
    assert message in capsys.readouterr().err
    assert not (burst / "out.png").exists()
