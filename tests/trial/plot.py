"""The plot of the conversion: what its clients felt, second by second."""

from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt


def statements(path: Path, longest: dict[int, float], marks: dict[str, float]) -> None:
    """The longest statement of each second, in ms; a mark is the second at which something ends."""
    with mpl.rc_context({"svg.hashsalt": "trial", "svg.fonttype": "none", "font.size": 9}):
        _, axes = plt.subplots(figsize=(9, 2.6))
        seconds = sorted(longest)
        axes.step(seconds, [longest[second] * 1000 for second in seconds], color="#0b6e4f")
        for text, second in marks.items():
            axes.axvline(second, color="#d97706", linewidth=1)
            axes.text(second, 1.02, text, ha="right", transform=axes.get_xaxis_transform())
        axes.set(
            xlabel="seconds",
            ylabel="longest statement, ms",
            ylim=(0, None),
            xlim=(0, seconds[-1] + 1),
        )
        axes.spines[["top", "right"]].set_visible(False)
        plt.savefig(path, metadata={"Date": None}, bbox_inches="tight")
        plt.close()
