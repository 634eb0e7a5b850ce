import json

import pytest
import torch
from torch.testing import assert_close

import ungrid as ug
from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.encodings.identity import Identity
from ungrid.errors import FormatError, InputError
from ungrid.fields.algebra import Blended, Product, Stitched, Sum
from ungrid.fields.composite import MAX_DEPTH, MAX_FIELDS, count_of, depth_of
from ungrid.fields.convolutional import ConvolutionalField
from ungrid.fields.placed import Cropped, Transformed, Warped
from ungrid.fields.record import Record
from ungrid.fields.residual import ResidualField
from ungrid.fields.storage import load_field, save_field
from ungrid.networks.convolutional import ConvolutionalNetwork
from ungrid.spec import from_spec, to_spec
from ungrid.testing.contracts import known_parts
from ungrid.testing.examples import wave_field
from ungrid.testing.mutations import join, take_apart
from ungrid.testing.toys import pixel_box

BOX = pixel_box(8, 12)
TABLES = known_parts()


def a_field(out_dim=3, seed=0, box=BOX):
    return wave_field(box, out_dim, seed)


def picture(shape=(8, 12), channels=("r", "g", "b"), **source):
    field = a_field(len(channels))
    field.record = Record("image", shape, channels, {"file": "a.png", "sha256": "0", "bit_depth": 8} | source, {"icc": b"12"})
    return field


def a_tree():
    """Of all kinds but adapters, four levels deep."""
    half = Cropped(Transformed(a_field(), BOX, ((0.5, 0.1, 0.0), (0.0, 1.0, 1.0))), BOX)
    bent = Warped(a_field(seed=1), a_field(2, seed=2))
    blend = Blended(half, bent, Stitched(a_field(1, seed=3), a_field(1, seed=4), "y", 3.0, 2.0))
    return ResidualField(2 * blend + 1, a_field(seed=5) * a_field(1, seed=6), 0.5)


def test_a_tree_comes_back_from_its_file_with_the_same_bits(tmp_path):
    tree, path = a_tree(), tmp_path / "tree.ung"
    tree.record = Record("image", (8, 12), ("r", "g", "b"), metrics={"quality": {"psnr": 30.0}})
    save_field(tree, path, version="0")
    again, grid = load_field(path, TABLES), Grid(BOX, (8, 12))
    assert to_spec(again) == to_spec(tree)
    assert again.record == tree.record
    assert torch.equal(again.sample(grid), tree.sample(grid))
    assert [p.requires_grad for p in again.parameters()] == [p.requires_grad for p in tree.parameters()]


def test_a_tree_is_drawn_in_chunks_as_it_is_asked_point_by_point():
    tree, grid = a_tree(), Grid(BOX, (9, 7))
    assert_close(tree.sample(grid, max_memory=10 * tree.bytes_per_point()), tree(grid.points()).detach(), rtol=1e-4, atol=1e-5)


def test_a_field_that_stands_twice_is_written_twice(tmp_path):
    part, path = a_field(), tmp_path / "twice.ung"
    twice = part + Warped(part, a_field(2))
    save_field(twice, path, version="0")
    again = load_field(path, TABLES)
    assert again.n_params == twice.n_params + part.n_params
    assert torch.equal(again([[1.0, 2.0]]), twice([[1.0, 2.0]]))


def test_trees_have_their_depth_and_number_of_fields():
    assert (depth_of(a_field()), count_of(a_field())) == (0, 1)
    assert (depth_of(a_tree()), count_of(a_tree())) == (5, 7)


def test_trees_that_no_file_would_keep_are_refused():
    tree = a_field()
    for _ in range(MAX_DEPTH):
        tree = Cropped(tree, BOX)
    with pytest.raises(InputError, match=f"{MAX_DEPTH + 1} levels deep; a file keeps up to {MAX_FIELDS}, in {MAX_DEPTH} levels"):
        Cropped(tree, BOX)
    doubled = a_field()
    for _ in range(6):
        doubled = Product((doubled, doubled))
    assert count_of(doubled) == MAX_FIELDS
    with pytest.raises(InputError, match="a tree of 65 fields"):
        Product((doubled, a_field()))


@pytest.mark.parametrize("wrap", [lambda tree: Sum((tree,)), lambda tree: Cropped(tree, BOX), lambda tree: Product((tree,))])
def test_the_deepest_tree_loads_and_a_deeper_file_is_refused(tmp_path, wrap):
    tree, path = a_field(), tmp_path / "deep.ung"
    for _ in range(MAX_DEPTH):
        tree = wrap(tree)
    save_field(tree, path, version="0")
    assert torch.equal(load_field(path, TABLES)([[1.0, 2.0]]), tree([[1.0, 2.0]]))
    description, tensors, data = take_apart(path.read_bytes())
    for _ in range(3):
        description["spec"] = {"type": "Sum", "fields": [description["spec"]]}
        path.write_bytes(join(description, tensors, data))
        with pytest.raises(FormatError):
            load_field(path, TABLES)


def test_a_file_cannot_ask_for_more_fields_than_a_tree_may_have():
    leaf = json.loads(json.dumps(to_spec(a_field())))
    with torch.device("meta"), pytest.raises(FormatError, match="a tree of 65 fields"):
        from_spec({"type": "Sum", "fields": [leaf] * 65}, TABLES)


@pytest.mark.parametrize(
    ("box", "message"),
    [
        (Box(("x", "y"), BOX.bounds, BOX.units), r"axes \('y', 'x'\) and \('x', 'y'\); bring one .*Transformed"),
        (Box(BOX.axes, BOX.bounds, ("mm", "mm")), r"units \('px', 'px'\) and \('mm', 'mm'\); .*Transformed"),
        (BOX.crop({"y": (0.0, 4.0)}), r"bounds .*; cut both to what they share: Cropped"),
        (Box(BOX.axes, BOX.bounds, BOX.units, (False, True)), r"one box but for periodic .*Transformed"),
    ],
)
def test_fields_in_different_boxes_are_refused_with_the_way_out(box, message):
    with pytest.raises(InputError, match=message):
        a_field() + a_field(box=box)


def test_fields_of_different_precision_or_channels_are_refused():
    with pytest.raises(InputError, match=r"torch\.float32 on cpu, torch\.float64 on cpu; bring them together"):
        a_field() + a_field().double()
    with pytest.raises(InputError, match=r"\[2, 3\] channels; expected the same number, or 1 for all"):
        a_field(2) * a_field(3)


def test_a_blend_of_pictures_is_a_picture_of_no_file_and_of_nothing_measured():
    first = picture()
    first.record.metrics = {"quality": {"psnr": 40.0}}
    blend = Blended(first, picture(), a_field(1))
    assert blend.record == Record("image", (8, 12), ("r", "g", "b"), {"bit_depth": 8}, {"icc": b"12"})
    assert blend.grid() == Grid(BOX, (8, 12))
    assert first.metrics["quality"]["psnr"] == 40.0


def test_the_record_has_the_finest_sampling_and_the_channels_of_the_values():
    shaded = picture((4, 24), ("y",)) * picture((8, 12))
    assert shaded.record.shape == (8, 24)
    assert shaded.record.channels == ("r", "g", "b")


def test_weights_stay_half_where_all_of_them_are():
    first, second = picture(), picture()
    first.record.stored = second.record.stored = "float16"
    assert (first + second).record.stored == "float16"
    assert (first + picture()).record.stored == "float32"
    assert (first + a_field()).record.stored == "float32"
    assert Blended(first, second, a_field(1)).record.stored == "float32"
    assert Warped(first, a_field(2)).record.stored == "float32"


def test_fields_of_no_signal_or_of_several_kinds_know_of_none():
    other = picture()
    other.record.kind = "sdf"
    assert (a_field() + a_field()).record is None
    assert (picture() + other).record is None


def test_linear_light_is_not_mixed_with_encoded_values():
    with pytest.raises(InputError, match="some of the fields hold linear light, others encoded values"):
        picture(transfer="linear") + picture()


def test_a_part_that_sees_a_grid_at_once_is_asked_for_grids():
    network = ConvolutionalNetwork(2, 2, 3, 3, depth=1)
    conv = ConvolutionalField(BOX, (8, 12), Identity(2), network)
    total, grid = conv + a_field(), Grid(BOX, (8, 12))
    assert_close(total.sample(grid), conv.sample(grid) + a_field().sample(grid))
    assert total.chunk_points() == min(conv.chunk_points(), a_field().chunk_points())


def test_a_saved_blend_of_pictures_is_drawn_as_a_picture(tmp_path):
    ug.save(Blended(picture(), picture(), a_field(1)), tmp_path / "blend.ung")
    blend = ug.load(tmp_path / "blend.ung")
    assert ug.render(blend, tmp_path / "blend.png", scale=2.0) == (16, 24, 3)
    expected = blend.sample(blend.grid(2.0)).clamp(0, 1)
    assert_close(ug.load(tmp_path / "blend.png").values, expected, atol=0.6 / 255, rtol=0)
