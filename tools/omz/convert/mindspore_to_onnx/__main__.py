"""``python -m omz.convert.mindspore_to_onnx``: the address of a command that lies with the others."""

import importlib

importlib.import_module("omz.cli.mindspore_exporter").main(prog_name="python -m omz.convert.mindspore_to_onnx")
