"""The shape of one image, as every builder takes it."""

Shape = tuple[int, int, int]  # channels, height, width
