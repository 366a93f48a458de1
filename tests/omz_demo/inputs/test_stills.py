from __future__ import annotations

import hashlib

import cv2
import numpy as np

from omz.images.files import write_picture
from omz_demo.inputs.discovery import discover
from omz_demo.inputs.stills import Fingerprint, fingerprint, fingerprint_of, read_still


def test_a_file_is_known_again_by_its_content(tmp_path):
    content = bytes(range(256)) * 9999  # more than is read at once
    (tmp_path / "a").write_bytes(content)
    assert fingerprint(tmp_path / "a") == Fingerprint(len(content), hashlib.sha256(content).hexdigest())
    assert fingerprint_of(content) == fingerprint(tmp_path / "a")
    assert fingerprint(tmp_path / "none") == fingerprint(tmp_path) == Fingerprint()


def test_a_picture_comes_from_its_file_or_from_what_was_sent(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    write_picture(tmp_path / "a.png", picture)
    (item,) = discover([str(tmp_path / "a.png")])
    np.testing.assert_array_equal(read_still(item)[0], picture)
    (sent,) = discover(["-"])
    np.testing.assert_array_equal(read_still(sent, cv2.imencode(".png", picture)[1].tobytes())[0], picture)
