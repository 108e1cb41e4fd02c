import pytest

from ganbench.runs.budget import Budget, Ledger, peak_memory

LEDGER = Ledger(images=640, rounds=5, d_updates=10, g_updates=5, seconds=2.0, flops=1_000)


@pytest.mark.parametrize(
    ("unit", "amount", "share"),
    [
        ("images", 1280, 0.5),
        ("updates", 10, 0.5),
        ("seconds", 8, 0.25),
        ("flops", 4_000, 0.25),
        ("images", 600, 16 / 15),
    ],
)
def test_a_budget_is_spent_in_its_own_unit(unit, amount, share):
    assert Budget(unit, amount).spent(LEDGER) == pytest.approx(share)
    assert Budget(unit, amount).spent(Ledger()) == 0


def test_updates_are_those_of_the_generator():
    assert LEDGER.updates == LEDGER.g_updates == 5


def test_speed_is_images_over_seconds_and_nothing_before_the_first():
    assert LEDGER.images_per_second == 320
    assert Ledger().images_per_second == 0
    assert Ledger(parameters_d=2, parameters_g=3).parameters == 5


def test_this_process_holds_more_than_a_megabyte_and_less_than_a_terabyte():
    assert 2**20 < peak_memory() < 2**40
