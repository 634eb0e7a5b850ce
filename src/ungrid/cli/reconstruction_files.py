"""Reconstructed pixels written to a file: numbers as they are, or a gray picture of them."""

import gzip
from pathlib import Path

import numpy as np
from jaxtyping import Float
from torch import Tensor

from ungrid.files import write_beside
from ungrid.render.volume_picture import save_picture, window


def write_pixels(path: Path, pixels: Float[Tensor, "*shape"], pixel: float) -> None:
    """Write pixels [y, x] or voxels [z, y, x].

    Args:
        path: ending in .npy, .nii or .nii.gz, or that of a picture, which shows a volume's middle slice from black to white.
        pixels: what is written.
        pixel: their side in mm, for NIfTI.

    Raises:
        MissingExtra: nibabel is not installed.
        MachineError: not writable, disk full.
    """
    name = path.name.lower()
    if name.endswith(".npy"):
        with write_beside(path) as temporary:
            np.save(temporary, pixels.numpy())
    elif name.endswith((".nii", ".nii.gz")):
        _write_nifti(path, pixels.reshape((-1, *pixels.shape[-2:])).numpy(), pixel)
    else:
        shown = pixels if pixels.ndim == 2 else pixels[len(pixels) // 2]
        low, high = window([shown])
        save_picture(((shown - low) / (high - low))[..., None].expand(*shown.shape, 3), path)


def _write_nifti(path: Path, voxels: np.ndarray, pixel: float) -> None:
    """Voxels [z, y, x] as NIfTI's [x, y, z], x to the right; y falls there, as pictures have it."""
    from ungrid.signals.volume_nifti import nibabel_for

    nibabel = nibabel_for("writing NIfTI")
    affine = np.diag([pixel, -pixel, pixel, 1.0])
    affine[:3, 3] = (0.5 * pixel, -0.5 * pixel, 0.5 * pixel)  # centers of the first voxels
    image = nibabel.Nifti1Image(np.ascontiguousarray(voxels.T.astype(np.float32)), affine)
    image.header.set_xyzt_units("mm")
    content = image.to_bytes()
    with write_beside(path) as temporary:
        temporary.write_bytes(gzip.compress(content, mtime=0) if path.suffix.lower() == ".gz" else content)
