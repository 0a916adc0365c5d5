"""A plot of what clients felt, second by second."""

from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt


def seconds(
    path: Path, label: str, values: dict[int, float], marks: list[tuple[float, str]]
) -> None:
    """A value for each second; a mark is when something ended."""
    with mpl.rc_context({"svg.hashsalt": "trial", "svg.fonttype": "none", "font.size": 9}):
        _, axes = plt.subplots(figsize=(9, 2.6))
        every = range(max(values) + 1)
        axes.step(every, [values.get(second, 0) for second in every], color="#0b6e4f")
        for second, text in marks:
            axes.axvline(second, color="#d97706", linewidth=1)
            axes.text(second, 1.02, text, ha="right", transform=axes.get_xaxis_transform())
        axes.set(
            xlabel="seconds",
            ylabel=label,
            ylim=(0, None),
            xlim=(0, len(every)),
        )
        axes.spines[["top", "right"]].set_visible(False)
        plt.savefig(path, metadata={"Date": None}, bbox_inches="tight")
        plt.close()
