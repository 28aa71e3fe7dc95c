"""Video: each frame is convolved alone, the LSTM reads what the frames become. The first shows a bar that stands or lies."""

from __future__ import annotations

import numpy as np

import rnngraph as rg
from examples.recurrent_layers.shared import Outcome, prove

FRAME_HEIGHT, FRAME_WIDTH, CHANNELS = 12, 12, 3


def bars(seed: int, rows: int = 96, steps: int = 6) -> rg.DataSet:
    """Videos [N, C, H, W, T]; the first frame shows a bar, upright or lying, the others noise: what it was is asked for at each step."""
    rng = np.random.default_rng(seed)
    x = 0.3 * rng.standard_normal((rows, CHANNELS, FRAME_HEIGHT, FRAME_WIDTH, steps)).astype(np.float32)
    upright = rng.integers(0, 2, rows)
    for video, lies, place in zip(x, upright == 0, rng.integers(0, FRAME_WIDTH, rows), strict=True):
        (video[:, place] if lies else video[:, :, place])[..., 0] += 1
    return rg.DataSet(x, np.eye(2, dtype=np.float32)[upright][:, :, None].repeat(steps, axis=2))


def main() -> Outcome:
    """Train, export, stream frame by frame."""
    frame_height, frame_width, channels, num_classes = FRAME_HEIGHT, FRAME_WIDTH, CHANNELS, 2
    # --8<-- [start:shown]
    config = rg.MultiLayerConfiguration(
        seed=42,
        data_type="float",
        updater=rg.Adam(1e-3),
        layers=[
            rg.ConvolutionLayer(3, 3, n_in=3, n_out=32, activation="relu"),
            rg.SubsamplingLayer("max", kernel_size=(2, 2), stride=(2, 2)),
            rg.ConvolutionLayer(3, 3, n_out=64, activation="relu"),
            rg.SubsamplingLayer("max", kernel_size=(2, 2), stride=(2, 2)),
            rg.LSTM(n_out=256, activation="tanh"),  # a CnnToRnnPreProcessor comes in front of it by itself
            rg.RnnOutputLayer(n_in=256, n_out=num_classes, activation="softmax", loss="mcxent"),
        ],
        input_type=rg.InputType.convolutional(frame_height, frame_width, channels),
    )
    net = rg.MultiLayerNetwork(config)
    # --8<-- [end:shown]
    return prove(net, bars(1), bars(2), epochs=8)


if __name__ == "__main__":
    print(main())
