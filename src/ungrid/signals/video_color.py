"""The color tags of films, by the numbers of ITU-T H.273 that files hold, and which matrix an untagged film has."""

UNSPECIFIED = "unspecified"
RANGES = {0: UNSPECIFIED, 1: "limited", 2: "full"}
PRIMARIES = {
    1: "bt709", 2: UNSPECIFIED, 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "film", 9: "bt2020",
    10: "smpte428", 11: "smpte431", 12: "smpte432", 22: "ebu3213",
}  # fmt: skip
TRANSFERS = {
    1: "bt709", 2: UNSPECIFIED, 4: "gamma22", 5: "gamma28", 6: "smpte170m", 7: "smpte240m", 8: "linear", 9: "log", 10: "log_sqrt",
    11: "iec61966-2-4", 12: "bt1361e", 13: "srgb", 14: "bt2020-10", 15: "bt2020-12", 16: "pq", 17: "smpte428", 18: "hlg",
}  # fmt: skip
MATRICES = {
    0: "rgb", 1: "bt709", 2: UNSPECIFIED, 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "ycgco", 9: "bt2020nc",
    10: "bt2020c",
}  # fmt: skip
# matrix's name → the number by which swscale knows its coefficients; others it cannot undo
COEFFICIENTS = {"bt709": 1, "fcc": 4, "bt470bg": 5, "smpte170m": 5, "smpte240m": 7, "bt2020nc": 9}
HD_WIDTH, HD_HEIGHT = 1280, 576  # beyond which players take an untagged film for BT.709, and else for BT.601


def name_of(number: int, table: dict[int, str]) -> str:
    """The tag's name, or its number in words where it is unknown."""
    return table.get(number, f"number {number}")


def number_of(name: object, table: dict[int, str]) -> int:
    """The number of a tag's name; that of "unspecified" for None and for names of no tag."""
    numbers = {known: number for number, known in table.items()}
    return numbers.get(str(name), numbers[UNSPECIFIED])


def matrix_of(name: str, width: int, height: int) -> str:
    """The matrix between colors and luma and chroma: the tagged one, or the one that players take for a film of this size."""
    if name not in (UNSPECIFIED, "rgb"):
        return name
    return "bt709" if width >= HD_WIDTH or height > HD_HEIGHT else "smpte170m"
