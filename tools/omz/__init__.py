"""Open Matting Zoo: image matting models from their card to a verified OpenVINO IR, and to a matte on your picture.

Importing this package loads no framework; each stage is a package of its own, see the README.
"""
