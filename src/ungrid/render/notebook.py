"""How a notebook shows a field: a small picture of it, with its numbers."""

import base64
import html
import io

import torch

from ungrid.fields.base import Field
from ungrid.render.draw import drawing_grid
from ungrid.render.evaluate import bands
from ungrid.signals.color import linear_to_srgb

MOST_PIXELS = 384  # on the longer side


def notebook_html(field: Field) -> str:
    """HTML of a field: where it lives, how large and how good it is, and its picture where it is one."""
    box = ", ".join(
        f"{axis} {low:g}…{high:g} {unit}".strip()
        for axis, (low, high), unit in zip(field.box.axes, field.box.bounds, field.box.units, strict=True)
    )
    facts = [f"{type(field).__name__} on {box}", f"{field.n_params:,} parameters"]
    psnr = field.metrics.get("quality", {}).get("psnr")
    if psnr is not None:
        facts.append(f"{psnr:.2f} dB")
    heldout = (field.metrics.get("heldout") or {}).get("psnr")
    if heldout is not None:
        facts.append(f"{heldout:.2f} dB on held-out samples")
    return f"<div>{_picture(field)}<div>{html.escape('; '.join(facts))}</div></div>"


def _picture(field: Field) -> str:
    """The field as an inline PNG, or nothing if it is no picture."""
    if field.record is None or field.record.kind != "image":
        return ""
    from PIL import Image

    longest = max(field.record.shape)
    values = torch.cat(list(bands(field, drawing_grid(field, scale=min(1.0, MOST_PIXELS / longest)))))
    color = values[..., :3] if values.shape[-1] >= 3 else values[..., :1].expand(*values.shape[:-1], 3)
    if field.record.is_linear:
        color = linear_to_srgb(color)
    buffer = io.BytesIO()
    Image.fromarray((color.clamp(0, 1) * 255).round().byte().numpy()).save(buffer, format="PNG")
    return f'<img src="data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}">'
