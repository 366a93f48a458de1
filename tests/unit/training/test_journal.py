from __future__ import annotations

from omz.training.journal import STEPS, VALIDATIONS, Journal


def test_what_came_after_the_last_checkpoint_is_forgotten(tmp_path):
    journal = Journal(tmp_path)
    for step in (1, 2, 3):
        journal.note_step({"step": step, "loss": 1 / step})
    journal.flush()
    for step in (2, 3):
        journal.note_validation({"step": step, "band": 100.0})
    Journal(tmp_path).forget_after(2)
    assert journal.steps() == [{"step": 1, "loss": 1.0}, {"step": 2, "loss": 0.5}]
    assert journal.validations() == [{"step": 2, "band": 100.0}]


def test_a_line_cut_short_ends_the_journal(tmp_path):
    (tmp_path / STEPS).write_text('{"step": 1, "loss": 1.0}\n{"step": 2, "lo')
    journal = Journal(tmp_path)
    assert journal.steps() == [{"step": 1, "loss": 1.0}]
    journal.forget_after(5)
    journal.note_step({"step": 2, "loss": 0.5})
    journal.flush()
    assert [entry["step"] for entry in journal.steps()] == [1, 2]


def test_a_validation_done_again_takes_the_place_of_the_first(tmp_path):
    journal = Journal(tmp_path)
    for value in (100.0, 90.0):
        journal.note_validation({"step": 2, "band": value})
    assert journal.validations() == [{"step": 2, "band": 90.0}]


def test_a_new_journal_is_empty(tmp_path):
    journal = Journal(tmp_path)
    journal.forget_after(0)
    assert journal.steps() == journal.validations() == []
    assert not (tmp_path / STEPS).exists()
    assert not (tmp_path / VALIDATIONS).exists()
