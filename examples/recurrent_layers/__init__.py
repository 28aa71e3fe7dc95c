"""The recurrent layers of DL4J's documentation, a program for each piece of code there, in its order; docs/recurrent_layers.md shows them.

python -m examples.recurrent_layers           # all of them, in some seconds
python -m examples.recurrent_layers.lstm      # one
"""

PROGRAMS = (
    "lstm",
    "graves_lstm",
    "simple_rnn",
    "bidirectional",
    "bidirectional_network",
    "last_time_step",
    "rnn_output_layer",
    "rnn_loss_layer",
    "truncated_bptt",
    "masks",
    "many_to_one",
    "many_to_one_by_mask",
    "evaluation_with_masks",
    "csv_files",
    "rnn_and_dense",
    "cnn_and_rnn",
    "preprocessors",
    "step_by_step",
    "several_steps",
    "saved_state",
    "complete_example",
)
"""In the page's order."""
