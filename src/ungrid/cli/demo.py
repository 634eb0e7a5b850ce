"""`ungrid demo`: the whole path on a photograph that ships with ungrid, in files to look at."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from ungrid.cli.command import Command

DETAIL = {"y": (78.0, 158.0), "x": (118.0, 230.0)}  # an eye of the cat
ZOOM = 4


@dataclass(kw_only=True)
class Demo(Command):
    """Fit the shipped photograph; write the field, a ×4 detail beside bicubic, the comparison and the fit's curve."""

    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="FOLDER")] = Path("demo")
    """Folder for the results."""
    preset: str = "auto"
    """As in `ungrid fit`."""

    def run(self) -> dict[str, Any]:
        """Fit, draw, measure."""
        from ungrid import fitting, judging, verbs
        from ungrid.files import writing_error
        from ungrid.fit.guard import Guard
        from ungrid.fit.limits import Limits
        from ungrid.fit.progress import ProgressBar
        from ungrid.signals.sample import sample_photo

        try:
            self.output.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise writing_error(self.output, error) from None
        start = time.monotonic()
        photo = verbs.as_signal(sample_photo())
        plan = verbs.make_plan(photo, preset=self.preset, seed=self.seed)
        self.say(f"{sample_photo().name}: {photo.describe()}")
        self.say(plan.reason)
        watchers = [] if self.quiet else [ProgressBar()]
        field = fitting.carry_out(
            plan, Limits(), seed=self.seed, device=self.device, guard=Guard(), callbacks=watchers, max_memory=self.memory
        )
        path = self.output / "photo.ung"
        verbs.save(field, path)
        again = verbs.load_as_field(path)
        written = {
            "detail": self._detail(again, photo),
            "comparison": self.output / "comparison.png",
            "curve": self._curve(field),
        }
        quality = judging.compare(again, photo, picture=written["comparison"])
        return {
            "output": path,
            **written,
            "n_params": field.n_params,
            "n_values": photo.values.numel(),
            "bytes": path.stat().st_size,
            "psnr": quality["psnr"],
            "ssim": quality["ssim"],
            "heldout": field.metrics["heldout"],
            "fit_seconds": field.record.fit["seconds"] if field.record else None,
            "seconds": round(time.monotonic() - start, 2),
        }

    def _detail(self, field: Any, photo: Any) -> Path:
        """The detail drawn at four times its size by the field, beside bicubic interpolation of the pixels."""
        import torch
        from PIL import Image

        from ungrid.files import write_beside
        from ungrid.render.comparison import labeled_row
        from ungrid.render.draw import drawing_grid

        grid = drawing_grid(field, scale=float(ZOOM), region=DETAIL)
        drawn = field.sample(grid).clamp(0, 1)
        (top, bottom), (left, right) = (tuple(map(int, DETAIL[axis])) for axis in ("y", "x"))
        crop = photo.values[None, top - 8 : bottom + 8, left - 8 : right + 8].permute(0, 3, 1, 2)
        bicubic = torch.nn.functional.interpolate(crop, scale_factor=ZOOM, mode="bicubic")[0].permute(1, 2, 0).clamp(0, 1)
        margin = 8 * ZOOM
        beside = bicubic[margin:-margin, margin:-margin]
        row = labeled_row([(f"bicubic, x{ZOOM}", beside), (f"field, x{ZOOM}", drawn)])
        path = self.output / "detail_x4.png"
        with write_beside(path) as temporary:
            Image.fromarray((row * 255).round().byte().numpy()).save(temporary)
        return path

    def _curve(self, field: Any) -> Path | None:
        """PSNR against seconds, if matplotlib is there."""
        try:
            import matplotlib
        except ImportError:
            self.say("the fit's curve needs matplotlib: pip install 'ungrid[plot]'")
            return None
        matplotlib.use("Agg")
        from matplotlib import pyplot

        from ungrid.files import write_beside

        curve = field.record.fit["curve"]
        figure, axes = pyplot.subplots(figsize=(6, 3.5), layout="constrained")
        axes.plot([seconds for _, seconds, _ in curve], [psnr for *_, psnr in curve], marker=".")
        heldout = field.metrics["heldout"].get("psnr")
        if heldout is not None:
            axes.axhline(heldout, linestyle=":", color="gray", label=f"held-out pixels: {heldout:.1f} dB")
            axes.legend()
        axes.set(xlabel="seconds", ylabel="PSNR [dB] on 8,192 pixels")
        path = self.output / "curve.png"
        with write_beside(path) as temporary:
            figure.savefig(temporary, dpi=110)
        pyplot.close(figure)
        return path
