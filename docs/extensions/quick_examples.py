"""The arguments that the gallery's examples are run with."""

from typing import Any


class _Quick:
    def __call__(self, gallery_conf: dict[str, Any], script_vars: dict[str, Any]) -> list[str]:
        return ["--quick"]

    def __repr__(self) -> str:  # Sphinx compares the setting between builds by its text
        return "--quick"


arguments = _Quick()
