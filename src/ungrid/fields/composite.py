"""What fields made of fields have in common: one box, limits to their number, and what a picture of them is."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch

from ungrid.domain.box import Box
from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.fields.record import Record

MAX_DEPTH = 12  # of fields in fields: a spec may be 32 levels deep, each of these takes one or two
MAX_FIELDS = 64  # that are made of no others: a spec may have 1,000 parts
IDENTITY_KEYS = ("file", "bytes", "sha256")  # of a source: a field made of several has no one file


class CompositeField(Field, ABC):
    """A field whose values are computed from those of other fields, its `parts`, which a file keeps as a tree.

    A part's weights are shared, not copied: fitting the whole fits its parts. A part that stands in two places of a tree
    is one field, but two in a file.
    """

    @property
    @abstractmethod
    def parts(self) -> tuple[Field, ...]:
        """The fields that this one is made of, in order."""

    @property
    def smoothness(self) -> float:
        """That of the least smooth part."""
        return min(part.smoothness for part in self.parts)

    def chunk_points(self, max_memory: int | None = None) -> int:
        """Number of points to evaluate at once within `max_memory` bytes, at least 1, and no more than any part takes."""
        most = min(part.chunk_points() for part in self.parts)
        return most if max_memory is None else max(1, min(most, max_memory // self.bytes_per_point()))

    def width_sum(self) -> int:
        """Floats that one point needs in all parts, and their values."""
        return sum(part.width_sum() + part.out_dim for part in self.parts)


def check_parts(parts: Sequence[Field]) -> None:
    """Raise InputError unless fields can be parts of one: of one dtype and device, none with further inputs, not too many."""
    for part in parts:
        if part.input_names:
            raise InputError(f"a {type(part).__name__} takes the inputs {part.input_names} beside coords; expected a plain field")
    own = [next(part.parameters(), torch.zeros(())) for part in parts]
    if len({(tensor.dtype, tensor.device) for tensor in own}) > 1:
        found = ", ".join(f"{tensor.dtype} on {tensor.device}" for tensor in own)
        raise InputError(f"the fields are {found}; bring them together first: field.to(dtype), field.to(device)")
    depth, count = 1 + max(map(depth_of, parts)), sum(map(count_of, parts))
    if depth > MAX_DEPTH or count > MAX_FIELDS:
        raise InputError(
            f"this makes a tree of {count} fields, {depth} levels deep; a file keeps up to {MAX_FIELDS}, in {MAX_DEPTH} levels. "
            f"Fit one field to what the tree gives so far, and go on with that"
        )


def depth_of(field: Field) -> int:
    """Levels of fields in fields; 0 for a field that is made of no others."""
    return 1 + max(map(depth_of, field.parts)) if isinstance(field, CompositeField) else 0


def count_of(field: Field) -> int:
    """Number of fields in a tree that are made of no others, each as often as it stands there."""
    return sum(map(count_of, field.parts)) if isinstance(field, CompositeField) else 1


def common_box(fields: Sequence[Field]) -> Box:
    """The box that all the fields have.

    Raises:
        InputError: they have different ones; the message says what to do.
    """
    box = fields[0].box
    for other in (field.box for field in fields[1:]):
        if other.axes != box.axes:
            raise InputError(
                f"the fields have axes {box.axes} and {other.axes}; bring one into the other's box first: "
                f"Transformed(field, box, matrix)"
            )
        if other.units != box.units:
            raise InputError(
                f"the fields are in units {box.units} and {other.units}; bring one into the other's first: "
                f"Transformed(field, box, matrix), with the units' ratios in the matrix"
            )
        if other.bounds != box.bounds:
            raise InputError(
                f"the fields have bounds {box.bounds} and {other.bounds}; cut both to what they share: "
                f"Cropped(field, field.box.crop({{axis: (low, high)}}))"
            )
        if other != box:
            raise InputError(
                f"the fields have one box but for periodic {box.periodic} and {other.periodic} or the affine to the world; "
                f"place one in the other's box: Transformed(field, box, matrix)"
            )
    return box


def common_out_dim(fields: Sequence[Field]) -> int:
    """Number of channels of the fields' values together: all have as many, or one that stands for all.

    Raises:
        InputError: other numbers of channels.
    """
    out_dims = [field.out_dim for field in fields]
    if len(set(out_dims) - {1}) > 1:
        raise InputError(f"the fields have {out_dims} channels; expected the same number, or 1 for all channels alike")
    return max(out_dims)


def common_record(fields: Sequence[Field], out_dim: int) -> Record | None:
    """What is known of a field made of these: the kind, the finest sampling, what writing needs; nothing measured.

    None where no field knows of a signal, or they were fitted to signals of different kinds.

    Raises:
        InputError: values in linear light and encoded ones would be mixed.
    """
    records = [field.record for field in fields if field.record is not None and field.record.kind]
    if not records or len({record.kind for record in records}) > 1:
        return None
    if len({record.is_linear for record in records}) > 1:
        raise InputError("some of the fields hold linear light, others encoded values; fit them to pictures of one kind")
    shapes = [record.shape for record in records if record.shape]
    stored = {record.stored for record in records}
    described = next((record for record in records if len(record.channels) == out_dim), None)
    return Record(
        records[0].kind,
        tuple(map(max, *shapes)) if len(shapes) > 1 else next(iter(shapes), ()),
        described.channels if described else (),
        {key: value for key, value in (described or records[0]).source.items() if key not in IDENTITY_KEYS},
        dict((described or records[0]).blobs),
        stored="float16" if stored == {"float16"} and len(records) == len(fields) else "float32",
    )
