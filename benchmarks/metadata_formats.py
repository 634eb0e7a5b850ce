"""One small file of each format with all that it can say, and what is said in a file as the format's own library finds it."""

import struct
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

Facts = dict[str, Any]
WAVE = np.sin(np.arange(400) / 9)[:, None] * np.array([0.5, -0.3])
PICTURE = (np.add.outer(np.arange(12), np.arange(16))[..., None] * np.array([3, 2, 4]) + 20).astype("u1")
BLOCK = (np.add.outer(np.add.outer(np.arange(6), np.arange(7)), np.arange(8)) * 10 - 50).astype("i2")  # [z, y, x]
AFFINE = np.array([[-2.0, 0.1, 0, 30], [0.1, 2.0, 0, -20], [0, 0, 3.0, 10], [0, 0, 0, 1]])
ICC = None  # of sRGB, made when it is asked for


class Format(NamedTuple):
    """Name of the row, endings of the input and of what is rendered, what makes the input, what is said in a file, kind."""

    name: str
    ending: str
    rendered: str
    make: Callable[[Path], Any]
    facts: Callable[[Path], Facts]
    kind: str | None = None


# sound


def sound(subtype: str, **tags: str) -> Callable[[Path], Any]:
    def make(path: Path) -> None:
        import soundfile

        with soundfile.SoundFile(path, "w", 22_050, 2, subtype) as file:
            for name, text in tags.items():
                setattr(file, name, text)
            file.write(WAVE)

    return make


def said_of_sound(path: Path) -> Facts:
    import soundfile

    with soundfile.SoundFile(path) as file:
        facts = {"sample rate": file.samplerate, "channels": file.channels, "bit depth": file.subtype, "samples": file.frames}
        return facts | {"tags": {key: value for key, value in sorted(file.copy_metadata().items()) if key != "software"}}


# time series


def dates() -> Any:
    import pandas as pd

    index = pd.date_range("2024-03-01 06:00", periods=24, freq="h", tz="Europe/Berlin", name="when")
    return pd.DataFrame({"temp [°C]": np.arange(24) / 7, "count": np.arange(24)}, index=index)


def table(path: Path) -> None:
    lines = ["when,temp [°C],count"]
    lines += [f"2024-03-01T{hour:02}:00:00+01:00,{hour / 7:.4f},{hour}" for hour in range(24)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def said_of_table(path: Path) -> Facts:
    lines = path.read_text(encoding="utf-8").splitlines()
    facts = {"names and units": lines[0], "first date and zone": lines[1].split(",")[0], "rows": len(lines) - 1}
    return facts | {"last date and zone": lines[-1].split(",")[0], "whole numbers": lines[-1].split(",")[2].isdigit()}


def said_of_parquet(path: Path) -> Facts:
    import pandas as pd

    frame = pd.read_parquet(path)
    facts = {"names and units": [str(name) for name in frame.columns], "types": [str(dtype) for dtype in frame.dtypes]}
    return facts | {"index": str(frame.index.name), "zone": str(frame.index.tz), "first date": str(frame.index[0])}


def said_of_array(path: Path) -> Facts:
    array = np.load(path)
    return {"shape": list(array.reshape(len(array), -1).shape), "axes": array.squeeze().ndim}


# pictures


def profile() -> bytes:
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def camera() -> Any:
    from PIL import Image

    exif = Image.Exif()
    exif[271], exif[306] = "Maker", "2024:01:02 03:04:05"
    exif.get_ifd(34665).update({36867: "2024:01:02 03:04:05", 36881: "+02:00", 33434: (1, 60)})
    exif.get_ifd(34853).update({1: "N", 2: (50.0, 1.0, 2.5)})
    return exif


def png(depth: int) -> Callable[[Path], Any]:
    def make(path: Path) -> None:
        from PIL import Image
        from PIL.PngImagePlugin import PngInfo

        about = PngInfo()
        about.add_text("Title", "A tower")
        about.add_itxt("Description", "über den Turm", lang="de")
        about.add(b"tIME", struct.pack(">HBBBBB", 2024, 1, 2, 3, 4, 5))
        picture = Image.fromarray(PICTURE if depth == 8 else PICTURE[..., 0].astype("u2") * 257)
        more = {"icc_profile": profile()} if depth == 8 else {}
        picture.save(path, pnginfo=about, dpi=(300, 150), exif=camera(), **more)

    return make


def said_of_picture(path: Path) -> Facts:
    """By Pillow: size, depth, texts, profile, resolution, and EXIF's date, zone and place."""
    from PIL import Image

    with Image.open(path) as picture:
        picture.load()
        exif = picture.getexif()
        own, gps = exif.get_ifd(34665), exif.get_ifd(34853)
        icc = picture.info.get("icc_profile")
        facts = {"size": list(picture.size), "mode": picture.mode, "dpi": [round(float(n)) for n in picture.info.get("dpi", ())]}
        facts |= {"color profile": None if icc is None else f"{len(icc)} bytes, {zlib.crc32(icc):08x}", "maker": exif.get(271)}
        facts |= {"date": own.get(36867), "zone": own.get(36881), "changed": exif.get(306), "latitude": str(gps.get(2))}
        if picture.format == "JPEG":
            facts |= {"XMP": str(picture.info.get("xmp")), "comment": str(picture.info.get("comment"))}
        return facts | ({"texts": dict(sorted(picture.text.items()))} if hasattr(picture, "text") else {})


def jpeg(path: Path) -> None:
    from PIL import Image

    more = {"xmp": b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>', "comment": b"by hand"}
    Image.fromarray(PICTURE).save(path, dpi=(300, 150), exif=camera(), icc_profile=profile(), quality=95, **more)


def tiff(path: Path) -> None:
    """A TIFF of 16 bits, by ungrid's own tags for EXIF: Pillow leaves them out."""
    import tifffile

    from ungrid.signals.image_tiff_exif import put_directories, tags_of

    exif = camera().tobytes()
    with open(path, "w+b") as file:
        with tifffile.TiffWriter(file) as tif:
            about = tags_of(exif, big=False) | {"resolution": (300, 150), "resolutionunit": "inch", "iccprofile": profile()}
            tif.write(PICTURE.astype("u2") * 257, photometric="rgb", metadata=None, **about)
        put_directories(file, exif, big=False)


def signed_tiff(path: Path) -> None:
    import tifffile

    tifffile.imwrite(path, BLOCK[0], photometric="minisblack", resolution=(300, 150), resolutionunit="inch", metadata=None)


def said_of_tiff(path: Path) -> Facts:
    import tifffile

    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        tags = {tag.name: tag.value for tag in page.tags}
        exif = tags.get("ExifTag") or {}
        facts = {"shape": list(page.shape), "type": str(page.dtype), "channels": page.samplesperpixel, "maker": tags.get("Make")}
        facts |= {"resolution": [tags[name][0] / tags[name][1] for name in ("XResolution", "YResolution")]}
        facts |= {"color profile": len(tags.get("InterColorProfile") or b""), "changed": tags.get("DateTime")}
        facts |= {"date": exif.get("DateTimeOriginal"), "zone": exif.get("OffsetTimeOriginal")}
        return facts | {"latitude": str((tags.get("GPSTag") or {}).get("GPSLatitude"))}


def exr(path: Path) -> None:
    import OpenEXR

    windows = {"dataWindow": ([10, 20], [25, 31]), "displayWindow": ([0, 0], [99, 49])}
    header = {name: tuple(np.array(corner, np.int32) for corner in corners) for name, corners in windows.items()}
    header |= {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage, "capDate": "2024:01:02 03:04:05"}
    header |= {"utcOffset": 3600.0, "xDensity": 300.0, "chromaticities": (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329)}
    pixels = {name: (PICTURE[..., at] / 255).astype("f2") for at, name in enumerate("RGB")}
    with OpenEXR.File(header, pixels) as file:
        file.write(str(path))


def said_of_exr(path: Path) -> Facts:
    import OpenEXR

    with OpenEXR.File(str(path), separate_channels=True) as file:
        header, channels = dict(file.header()), {name: str(one.pixels.dtype) for name, one in file.channels().items()}
    windows = {name: [np.asarray(corner).tolist() for corner in header[name]] for name in ("dataWindow", "displayWindow")}
    primaries = [round(float(n), 4) for n in header.get("chromaticities", ())]
    dates = {"date": header.get("capDate"), "zone": header.get("utcOffset"), "resolution": header.get("xDensity")}
    return {"channels and types": channels, **windows, "primaries": primaries, **dates}


# films


def film(codec: str, pixels: str) -> Callable[[Path], Any]:
    def make(path: Path) -> None:
        import av

        with av.open(str(path), "w") as container:
            container.metadata["title"] = "A tower"
            stream = container.add_stream(codec, rate=Fraction(24_000, 1001))
            stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
            context = stream.codec_context
            context.color_range, context.colorspace, context.color_primaries, context.color_trc = 1, 1, 1, 1
            for index in range(12):
                frame = av.VideoFrame.from_ndarray(np.roll(np.tile(PICTURE, (4, 4, 1)), index, axis=1), format="rgb24")
                container.mux(stream.encode(frame.reformat(format=pixels, dst_colorspace=1)))
            container.mux(stream.encode())

    return make


def said_of_film(path: Path) -> Facts:
    import av

    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        n = sum(1 for _ in container.decode(stream))
        facts = {"frame rate": str(stream.average_rate), "frames": n, "size": [context.width, context.height]}
        facts |= {
            "color range": int(context.color_range),
            "matrix": int(context.colorspace),
            "title": container.metadata.get("title"),
        }
        return facts | {"primaries": int(context.color_primaries), "curve": int(context.color_trc)}


def gif(path: Path) -> None:
    from PIL import Image

    frames = [Image.fromarray(np.roll(PICTURE, index, axis=1)) for index in range(6)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=40, loop=0)


def said_of_gif(path: Path) -> Facts:
    from PIL import Image

    with Image.open(path) as picture:
        return {"frames": picture.n_frames, "size": list(picture.size), "milliseconds of a frame": picture.info.get("duration")}


def frames(path: Path) -> None:
    from PIL import Image

    path.mkdir()
    for index in range(6):
        Image.fromarray(np.roll(np.tile(PICTURE, (4, 4, 1)), index, axis=1)).save(path / f"{index:03}.png")


def said_of_frames(path: Path) -> Facts:
    if path.is_file():
        said = said_of_film(path)
        return {"frames": said["frames"], "size": said["size"]}
    return {"frames": len(list(path.iterdir())), "size": [64, 48]}


PICTURES_AND_SOUND = (
    *(Format(f"WAV {bits}", ".wav", ".wav", sound(f"PCM_{bits}" if bits > 8 else "PCM_U8", title="A"), said_of_sound)
      for bits in (8, 16, 24, 32)),
    Format("WAV float", ".wav", ".wav", sound("FLOAT"), said_of_sound),
    Format("FLAC", ".flac", ".flac", sound("PCM_24", title="A tower", artist="Somebody", date="2024-01-02"), said_of_sound),
    Format("Ogg Vorbis", ".ogg", ".ogg", sound("VORBIS", title="A tower", artist="Somebody"), said_of_sound),
    Format("CSV", ".csv", ".csv", table, said_of_table),
    Format("Parquet", ".parquet", ".parquet", lambda path: dates().to_parquet(path), said_of_parquet),
    Format(".npy", ".npy", ".npy", lambda path: np.save(path, np.sin(np.arange(50) / 5)), said_of_array),
    Format("PNG 8", ".png", ".png", png(8), said_of_picture),
    Format("PNG 16", ".png", ".png", png(16), said_of_picture),
    Format("TIFF 16", ".tif", ".tif", tiff, said_of_tiff),
    Format("TIFF signed 16", ".tif", ".tif", signed_tiff, said_of_tiff),
    Format("JPEG", ".jpg", ".jpg", jpeg, said_of_picture),
    Format("EXR half", ".exr", ".exr", exr, said_of_exr),
    Format("MP4", ".mp4", ".mp4", film("mpeg4", "yuv420p"), said_of_film),
    Format("MKV", ".mkv", ".mkv", film("ffv1", "yuv444p"), said_of_film),
    Format("GIF", ".gif", ".gif", gif, said_of_gif),
    Format("numbered frames", "", ".mkv", frames, said_of_frames),
)  # fmt: skip
