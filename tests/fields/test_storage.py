import contextlib
import json
import time

import pytest
import torch

from ungrid.encodings.fourier_features import FourierFeatures
from ungrid.encodings.identity import Identity
from ungrid.errors import FormatError, InputError, MissingFile
from ungrid.fields.encoded import EncodedField
from ungrid.fields.record import Recipe, Record
from ungrid.fields.storage import DTYPES, file_bytes, load_field, save_field
from ungrid.files import read_header
from ungrid.networks.siren import Siren
from ungrid.testing.contracts import known_parts
from ungrid.testing.mutations import join, peak_bytes, take_apart
from ungrid.testing.toys import pixel_box

TABLES = known_parts()


def a_field(**record):
    field = EncodedField(pixel_box(), FourierFeatures(2, 3), Siren(6, 3, 4, depth=1), (0.5,), (0.5,))
    field.record = Record("image", (12, 16), ("r", "g", "b"), **record)
    field.recipe = Recipe(steps=7, betas=(0.8, 0.99), clip=1.0)
    return field


def saved(tmp_path, field, name="a.ung"):
    save_field(field, tmp_path / name, version="0.1.0")
    return tmp_path / name


def changed(path, *, description=None, header=None, data=None):
    """The file with its description, its header or its data changed by functions."""
    content, tensors, raw = take_apart(path.read_bytes())
    if description is not None:
        content = description(content) or content
    if header is not None:
        tensors = header(tensors) or tensors
    path.write_bytes(join(content, tensors, raw if data is None else data(raw)))
    return path


def spec_of(**arguments):
    """A change of some arguments of the network in the spec."""

    def change(description):
        description["spec"]["network"] |= arguments

    return change


def test_a_field_comes_back_with_everything_it_knew(tmp_path):
    field = a_field(
        source={"bit_depth": 8}, blobs={"icc": b"\x00\x01", "exif": b"\xff"}, fit={"steps": 3}, metrics={"quality": {"psnr": 1.5}}
    )
    loaded = load_field(saved(tmp_path, field), TABLES)
    assert loaded.record == field.record
    assert loaded.recipe == field.recipe
    assert loaded.box == field.box
    assert all(torch.equal(a, b) for a, b in zip(loaded.state_dict().values(), field.state_dict().values(), strict=True))
    assert not loaded.training


def test_saving_twice_gives_the_same_bytes(tmp_path):
    field = a_field(blobs={"icc": b"123"})
    first, again = saved(tmp_path, field), saved(tmp_path, field, "b.ung")
    assert first.read_bytes() == again.read_bytes()
    assert saved(tmp_path, load_field(first, TABLES), "c.ung").read_bytes() == first.read_bytes()


def test_a_bare_field_has_neither_record_nor_recipe(tmp_path):
    field = a_field()
    field.record = field.recipe = None
    loaded = load_field(saved(tmp_path, field), TABLES)
    assert loaded.record is None
    assert loaded.recipe is None


def test_half_weights_are_stored_in_two_bytes_and_come_back_as_float32(tmp_path):
    field = a_field(stored="float16")
    path = saved(tmp_path, field)
    dtypes = {name: entry.dtype for name, entry in read_header(path).tensors.items()}
    assert dtypes == {"encoding.frequencies": "F32"} | {name: "F16" for name, _ in field.named_parameters()}
    loaded = load_field(path, TABLES)
    for (name, actual), expected in zip(loaded.named_parameters(), field.parameters(), strict=True):
        assert actual.dtype == torch.float32, name
        assert torch.equal(actual, expected.half().float())
    assert torch.equal(loaded.encoding.frequencies, field.encoding.frequencies)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_full_weights_keep_their_type(tmp_path, dtype):
    loaded = load_field(saved(tmp_path, a_field().to(dtype)), TABLES)
    assert {tensor.dtype for tensor in loaded.state_dict().values()} == {dtype}


def test_a_type_that_the_format_does_not_keep_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(InputError, match=r"is torch.bfloat16, which a .ung file does not keep"):
        saved(tmp_path, a_field().bfloat16())
    assert list(tmp_path.iterdir()) == []


def test_weights_that_are_not_contiguous_are_saved_all_the_same(tmp_path):
    field = a_field()
    layer = field.network.layers[0]
    layer.weight = torch.nn.Parameter(layer.weight.detach().T.contiguous().T)
    assert not layer.weight.is_contiguous()
    assert torch.equal(load_field(saved(tmp_path, field), TABLES).network.layers[0].weight, layer.weight)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["spec"].update(type="EncodedFeild"), "no part is called 'EncodedFeild'.*did you mean 'EncodedField'"),
        (lambda d: d["spec"]["network"].update(type="Sirem"), "did you mean 'Siren'"),
        (spec_of(widht=4), "Siren has no argument 'widht'; did you mean 'width'"),
        (lambda d: d["spec"]["network"].pop("in_dim"), r"Siren lacks its arguments \['in_dim'\]"),
        (spec_of(width="4"), "Siren got width = '4', expected int"),
        (spec_of(depth=1000), "Siren cannot be built from the file: depth is 1000"),
        (spec_of(width=5), "its spec asks for torch.float32"),
        (spec_of(depth=2), "the tensors in a.ung do not fit its spec: it asks for 7 or more, the file has 5"),
        (spec_of(in_dim=7), "parts do not fit"),
        (lambda d: d.update(spec=d["spec"]["network"]), "the spec in a.ung is no field but a Siren"),
        (lambda d: d.update(spec=None), "is no field but a NoneType"),
        (lambda d: d.pop("spec"), "is no field"),
        (lambda d: d.update(more=1), r"unknown keys \['more'\]"),
        (lambda d: d.update(record=[]), "the record in a.ung is a list; expected an object"),
        (lambda d: d["record"].update(kinds="image"), "Record has no argument 'kinds'; did you mean 'kind'"),
        (lambda d: d["record"].update(shape=[0, 16]), "sizes are at least 1"),
        (lambda d: d["record"].update(shape=[12]), "its field has 2 axes and 3 channels"),
        (lambda d: d["record"].update(channels=["l"]), "its field has 2 axes and 3 channels"),
        (lambda d: d["record"].update(stored="float8"), "Record got stored = 'float8'"),
        (lambda d: d["record"].update(source=[]), "source, fit and metrics in a.ung must be objects"),
        (lambda d: d["record"].update(blobs={}), "a part of the spec has no 'type'"),
        (lambda d: d["recipe"].update(steps=0), "Recipe cannot be built from the file"),
        (lambda d: d["recipe"].update(betas=[0.9]), "Recipe got betas"),
        (lambda d: d["recipe"].update(betas=[0.9, "x"]), "Recipe got betas"),
        (lambda d: d.update(recipe="adam"), "the recipe in a.ung is a str"),
    ],
)
def test_a_description_that_does_not_fit_is_refused_with_the_reason(tmp_path, change, message):
    def description(given):
        change(given)

    path = changed(saved(tmp_path, a_field()), description=description)
    with pytest.raises(FormatError, match=message):
        load_field(path, TABLES)


@pytest.mark.parametrize(
    ("dtype", "message"),
    [
        ("BF16", "its spec asks for"),
        ("I32", "is I32; its spec asks for torch.float32"),
        ("F64", "mixes float32 and float64"),
        ("F16", None),
    ],
)
def test_a_tensor_of_another_type_is_refused_unless_it_is_half_a_float(tmp_path, dtype, message):
    sizes = {"BF16": 2, "F16": 2, "I32": 4, "F64": 8}
    path = saved(tmp_path, a_field())
    _, _, _raw = take_apart(path.read_bytes())

    def retyped(tensors):
        at = 0
        for name, entry in sorted(tensors.items(), key=lambda item: item[1]["data_offsets"]):
            n = (entry["data_offsets"][1] - entry["data_offsets"][0]) // 4
            entry["dtype"] = dtype if name == "network.layers.0.bias" else entry["dtype"]
            size = n * (sizes[dtype] if name == "network.layers.0.bias" else 4)
            entry["data_offsets"] = [at, at + size]
            at += size
        retyped.size = at

    changed(path, header=retyped, data=lambda raw: bytes(retyped.size))
    if message is None:
        assert load_field(path, TABLES).network.layers[0].bias.dtype == torch.float32
        return
    with pytest.raises(FormatError, match=message):
        load_field(path, TABLES)


@pytest.mark.parametrize("bad", [b"\x00\x00\xc0\x7f", b"\x00\x00\x80\x7f"])
def test_weights_that_are_not_finite_are_refused(tmp_path, bad):
    path = changed(saved(tmp_path, a_field()), data=lambda raw: bad + raw[4:])
    with pytest.raises(FormatError, match="holds values that are not finite"):
        load_field(path, TABLES)


def test_a_blob_is_bytes_along_one_axis(tmp_path):
    def reshaped(tensors):
        tensors["blob.icc"]["shape"] = [2, 2]

    path = changed(saved(tmp_path, a_field(blobs={"icc": b"1234"})), header=reshaped)
    with pytest.raises(FormatError, match="a blob is U8 with one axis"):
        load_field(path, TABLES)


@pytest.mark.parametrize(
    "change",
    [
        spec_of(width=65536, depth=256),
        spec_of(seed=2**53),
        lambda d: d["spec"].update(
            encoding={"type": "HashGrid", "in_dim": 2, "n_levels": 3, "log2_hashmap_size": 30, "base_resolution": 2**28}
        ),
        lambda d: d["spec"].update(encoding={"type": "DenseGrid", "in_dim": 2, "resolutions": [[2**24, 2**24]] * 64}),
        lambda d: d["spec"].update(encoding={"type": "FourierFeatures", "in_dim": 2, "n_frequencies": 65536}),
        lambda d: d["spec"]["box"].update(axes=["x"] * 20_000),
        lambda d: d["record"].update(shape=[2**50, 2**50]),
    ],
)
def test_huge_declared_sizes_allocate_nothing(tmp_path, change, unchecked_types):
    path = saved(tmp_path, a_field())
    load_field(path, TABLES)  # what torch imports at its first use is not counted
    changed(path, description=change)
    before, begin = peak_bytes(), time.perf_counter()
    with contextlib.suppress(FormatError):
        load_field(path, TABLES)
    assert time.perf_counter() - begin < 1
    assert peak_bytes() - before < 50 * 2**20


def test_nothing_that_a_file_names_is_looked_up_but_in_the_tables(tmp_path):
    path = saved(tmp_path, a_field())
    for name in ("os.system", "builtins.eval", "Module", "torch.nn.Linear", "Siren.__init__"):
        changed(path, description=lambda given, name=name: given["spec"]["network"].update(type=name))
        with pytest.raises(FormatError, match="no part is called"):
            load_field(path, TABLES)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(MissingFile):
        load_field(tmp_path / "a.ung", TABLES)


@pytest.mark.parametrize("stored", ["float32", "float16"])
def test_the_size_of_a_file_is_known_before_it_is_written(tmp_path, stored):
    field = EncodedField(pixel_box(), Identity(2), Siren(2, 3, 64))
    field.record = Record("image", (12, 16), ("r", "g", "b"), stored=stored, blobs={"icc": bytes(5000)})
    size = saved(tmp_path, field).stat().st_size
    assert size <= file_bytes(field, stored) <= size + 4096


def test_an_unknown_way_to_store_is_refused():
    with pytest.raises(InputError, match="weights are stored as float32 or float16; got 'int8'"):
        file_bytes(a_field(), "int8")


def test_the_description_is_json_that_any_reader_takes(tmp_path):
    content, _, _ = take_apart(saved(tmp_path, a_field()).read_bytes())
    assert json.loads(json.dumps(content)) == content
    assert set(content) == {"format_version", "ungrid_version", "n_params", "spec", "record", "recipe"}


def test_every_type_of_the_format_is_a_type_of_torch():
    assert all(isinstance(dtype, torch.dtype) for dtype in DTYPES.values())
