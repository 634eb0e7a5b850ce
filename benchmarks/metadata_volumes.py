"""Volumes of each format, and what is said in a file as nibabel, SimpleITK, NumPy or xarray find it."""

from pathlib import Path
from typing import Any

import numpy as np
from metadata_formats import AFFINE, BLOCK, Facts, Format

SPACING = (3.0, 2.0, 1.5)  # along z, y, x


def nifti(path: Path) -> None:
    import nibabel

    image = nibabel.Nifti1Image(BLOCK.T, AFFINE)
    image.header.set_xyzt_units("mm")
    image.set_qform(AFFINE, 1)
    image.set_sform(AFFINE, 2)
    image.header["descrip"] = b"a block"
    nibabel.save(image, path)


def nifti_in_time(path: Path) -> None:
    import nibabel

    image = nibabel.Nifti1Image(np.stack([BLOCK.T] * 4, axis=-1), AFFINE)
    image.header.set_xyzt_units("mm", "msec")
    image.header.set_zooms((2.0, 2.0, 3.0, 720.0))
    nibabel.save(image, path)


def said_of_nifti(path: Path) -> Facts:
    import nibabel

    image = nibabel.load(path)
    header = image.header
    facts = {"shape": list(image.shape), "type": str(header.get_data_dtype()), "affine": np.round(image.affine, 4).tolist()}
    facts |= {"spacing": np.round(header.get_zooms(), 4).tolist(), "units of space and time": list(header.get_xyzt_units())}
    codes = [int(header["qform_code"]), int(header["sform_code"])]
    return facts | {"codes of the frames": codes, "text": bytes(header["descrip"]).strip(b"\0").decode()}


def dicom(path: Path) -> None:
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    path.mkdir()
    study = generate_uid()
    for index, values in enumerate(BLOCK):
        meta = FileMetaDataset()
        meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, "1.2.840.10008.5.1.4.1.1.2"
        meta.MediaStorageSOPInstanceUID = generate_uid()
        data = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
        data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
        data.SeriesInstanceUID, data.StudyInstanceUID, data.Modality = study, study, "CT"
        data.Rows, data.Columns = values.shape
        data.PixelSpacing, data.SliceThickness = [SPACING[1], SPACING[2]], SPACING[0]
        data.ImagePositionPatient, data.ImageOrientationPatient = [-10.0, -20.0, 5.0 + SPACING[0] * index], [1, 0, 0, 0, 1, 0]
        data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 1
        data.SamplesPerPixel, data.PhotometricInterpretation, data.InstanceNumber = 1, "MONOCHROME2", index + 1
        data.RescaleSlope, data.RescaleIntercept = 1, -24
        data.PixelData = values.astype("<i2").tobytes()
        data.save_as(path / f"{index}.dcm", enforce_file_format=True)


def said_of_dicom(path: Path) -> Facts:
    """What DICOM says in NIfTI's terms: x and y the other way around."""
    if path.is_file():
        said = said_of_nifti(path)
        affine = np.array(said["affine"])
        first = affine @ [0, 0, 0, 1]
        corners = [affine @ [*np.array(said["shape"]) - 1, 1], first]
        facts = {"shape": sorted(said["shape"]), "spacing": sorted(said["spacing"]), "units": said["units of space and time"][0]}
        return facts | {"corners": sorted([round(float(n), 3) for n in axis] for axis in np.transpose(corners)[:3])}
    z, y, x = BLOCK.shape
    first, last = np.array([10.0, 20.0, 5.0]), np.array([10 - SPACING[2] * (x - 1), 20 - SPACING[1] * (y - 1), 5 + 3.0 * (z - 1)])
    facts = {"shape": sorted(BLOCK.shape), "spacing": sorted(SPACING), "units": "mm"}
    return facts | {"corners": sorted([round(float(b), 3), round(float(a), 3)] for a, b in zip(first, last, strict=True))}


def itk(path: Path) -> None:
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(BLOCK)
    image.SetSpacing(SPACING[::-1])
    image.SetOrigin((-3.0, 4.0, 5.5))
    image.SetDirection((0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, -1.0))
    sitk.WriteImage(image, str(path))


def said_of_itk(path: Path) -> Facts:
    import SimpleITK as sitk

    image = sitk.ReadImage(str(path))
    facts = {"shape": list(image.GetSize()), "type": image.GetPixelIDTypeAsString()}
    places = {"spacing": image.GetSpacing(), "origin": image.GetOrigin(), "directions": image.GetDirection()}
    return facts | {name: [round(float(n), 5) for n in numbers] for name, numbers in places.items()}


def stack(path: Path) -> None:
    import tifffile

    about = {"axes": "ZYX", "spacing": SPACING[0], "unit": "um"}
    tifffile.imwrite(path, BLOCK, imagej=True, resolution=(1 / SPACING[2], 1 / SPACING[1]), metadata=about)


def hdf5(path: Path) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        one = file.create_dataset("volume", data=BLOCK)
        one.attrs["element_size_um"] = SPACING


def zarr_store(path: Path) -> None:
    import zarr

    array = zarr.create_array(store=str(path), data=BLOCK, chunks=(3, 7, 8), dimension_names=("z", "y", "x"))
    array.attrs["spacing"] = SPACING


def ome_zarr(path: Path) -> None:
    import zarr

    group = zarr.open_group(str(path), mode="w", zarr_format=3)
    group.create_array("0", data=BLOCK, chunks=(3, 7, 8), dimension_names=("z", "y", "x"))
    axes = [{"name": axis, "type": "space", "unit": "micrometer"} for axis in "zyx"]
    scaled = [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": list(SPACING)}]}]
    group.attrs["ome"] = {"version": "0.5", "multiscales": [{"name": "block", "axes": axes, "datasets": scaled}]}


def said_of_stack(path: Path) -> Facts:
    """Shape, spacing along z, y, x and unit: as they were written, and as they are in the .npz."""
    if path.suffix != ".npz" or path.name.startswith("in"):
        return {"shape": list(BLOCK.shape), "spacing": list(SPACING), "unit": "" if path.name == "in.zarr" else "µm"}
    with np.load(path) as arrays:
        field = next(arrays[name] for name in arrays.files if arrays[name].ndim >= 3)
        affine = arrays["affine"] if "affine" in arrays.files else None
        spacing = arrays["spacing"] if affine is None else np.abs(affine[:3, :3]).sum(axis=0)
        return {"shape": list(field.shape[:3]), "spacing": np.round(spacing, 5).tolist(), "unit": str(arrays["unit"])}


def globe(path: Path) -> None:
    import pandas as pd
    import xarray

    rng = np.random.default_rng(0)
    places = {"time": pd.date_range("2024-03-01", periods=3, freq="6h"), "latitude": np.arange(90, -91, -30.0)}
    places["longitude"] = np.arange(0, 360, 30.0)
    values = xarray.DataArray(
        rng.normal(280, 5, (3, 7, 12)).astype("f4"), places, list(places), name="t2m", attrs={"units": "K", "long_name": "air"}
    )
    values["latitude"].attrs["units"], values["longitude"].attrs["units"] = "degrees_north", "degrees_east"
    data = values.to_dataset().assign_attrs(title="A globe")
    data.to_netcdf(path, engine="h5netcdf", encoding={"t2m": {"dtype": "i2", "scale_factor": 0.01, "add_offset": 280.0}})


def classic_globe(path: Path) -> None:
    import xarray

    globe(path.with_suffix(".nc4"))
    with xarray.open_dataset(path.with_suffix(".nc4"), engine="h5netcdf") as data:
        data.load().to_netcdf(path, engine="scipy")


def said_of_globe(path: Path) -> Facts:
    import xarray

    engine = "scipy" if path.read_bytes()[:3] == b"CDF" else "h5netcdf"
    with xarray.open_dataset(path, engine=engine) as data:
        one: Any = data["t2m"]
        facts = {"dimensions": {str(k): int(v) for k, v in data.sizes.items()}, "unit": one.attrs.get("units")}
        facts |= {"title": data.attrs.get("title"), "order of latitudes": data["latitude"].values[[0, -1]].tolist()}
        facts |= {
            "type": str(one.encoding["dtype"]),
            "packing": [round(float(one.encoding[k]), 6) for k in ("scale_factor", "add_offset")],
        }
        return facts | {"first and last date": [str(t)[:19] for t in data["time"].values[[0, -1]]]}


VOLUMES = (
    Format("NIfTI 3-D", ".nii.gz", ".nii.gz", nifti, said_of_nifti),
    Format("NIfTI 4-D", ".nii.gz", ".nii.gz", nifti_in_time, said_of_nifti),
    Format("DICOM to NIfTI", "", ".nii.gz", dicom, said_of_dicom),
    Format("MHA", ".mha", ".mha", itk, said_of_itk),
    Format("NRRD", ".nrrd", ".nrrd", itk, said_of_itk),
    Format("TIFF stack to .npz", ".tif", ".npz", stack, said_of_stack, "volume"),
    Format("HDF5 to .npz", ".h5", ".npz", hdf5, said_of_stack),
    Format("Zarr to .npz", ".zarr", ".npz", zarr_store, said_of_stack),
    Format("OME-Zarr to .npz", ".ome.zarr", ".npz", ome_zarr, said_of_stack),
    Format("NetCDF 4", ".nc", ".nc", globe, said_of_globe),
    Format("NetCDF classic", ".nc", ".nc", classic_globe, said_of_globe),
)
