"""``python -m omz.convert.mindspore_to_onnx``."""

from omz.cli.mindspore_exporter import main

main(prog_name="python -m omz.convert.mindspore_to_onnx")
