"""`ungrid compare`: two pictures or fields measured against each other."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from ungrid.cli.command import Command, Output


@dataclass(kw_only=True)
class Compare(Command):
    """Measure a picture or field against another: PSNR, SSIM, MS-SSIM, error by frequency band."""

    first: tyro.conf.Positional[Path]
    """What is judged: a picture or a .ung file."""
    second: tyro.conf.Positional[Path]
    """What it is judged against: a picture or a .ung file."""
    output: Output = None
    """One picture with the original, the result, the amplified error and its spectrum."""

    def run(self) -> dict[str, Any]:
        """Measure, and draw if asked."""
        from ungrid import fitting, judging

        device = fitting.choose_device(self.device)
        result = judging.compare(self.first, self.second, picture=self.output, device=str(device), max_memory=self.memory)
        return result | ({} if self.output is None else {"output": self.output})

    def show(self, result: dict[str, Any]) -> None:
        """Numbers first, then the bands."""
        bands = result.get("bands", [])
        super().show({key: value for key, value in result.items() if key != "bands"})
        if bands:
            print("band (cycles/pixel)   error / signal")
        for band in bands:
            ratio = band["relative_error"]
            print(f"{band['low']:7.4f} … {band['high']:6.4f}   {'-' if ratio is None else f'{ratio:.3%}'}")
