"""The cells of a probe: each prompt gets every level with the same seeds, side by side and in an order by chance."""

from collections import Counter, defaultdict

import pytest
from triphase_benchmark.effort.design import CONTROL, FIRST, TWIN, Design, Stage, stages_of
from triphase_benchmark.effort.levels import levels_of
from triphase_benchmark.effort.values import Cell, Prompt
from triphase_benchmark.plan.problems import BadInput


def design(levels: str = "none,low,medium,high", *, seed: int = 3, controlled: bool = False) -> Design:
    prompts = tuple(Prompt(turns=(("user", str(number)),)) for number in range(30))
    return Design(levels=levels_of(levels), prompts=prompts, seed=seed, controlled=controlled)


def by_block(cells: tuple[Cell, ...]) -> dict[tuple[int, int], list[Cell]]:
    found: dict[tuple[int, int], list[Cell]] = defaultdict(list)
    for cell in cells:
        found[cell.prompt, cell.draw].append(cell)
    return found


@pytest.mark.parametrize("stage", [0, 1])
def test_every_draw_has_every_arm_once_one_right_after_the_other(stage: int) -> None:
    one = design()
    cells = one.cells(stage)
    assert len(cells) == one.count(stage)
    for block in by_block(cells).values():
        assert Counter(cell.arm for cell in block) == Counter(one.arms)
        numbers = sorted(cell.number for cell in block)
        assert numbers == list(range(numbers[0], numbers[0] + len(one.arms)))


def test_stages_add_up_to_the_largest() -> None:
    one = design()
    blocks = [set(by_block(one.cells(stage))) for stage in (0, 1)]
    assert blocks[0] == {(prompt, draw) for prompt in range(12) for draw in range(2)}
    assert not blocks[0] & blocks[1]
    assert blocks[0] | blocks[1] == {(prompt, draw) for prompt in range(30) for draw in range(3)}
    numbers = [cell.number for stage in (0, 1) for cell in one.cells(stage)]
    assert sorted(numbers) == list(range(30 * 3 * 5))


def test_levels_share_seeds_and_the_twin_has_others() -> None:
    for block in by_block(design().cells(0)).values():
        seeds = {cell.arm: cell.seed for cell in block}
        assert len({seed for arm, seed in seeds.items() if arm != TWIN}) == 1
        assert seeds[TWIN] != seeds["low"]
    everyone = [cell.seed for cell in design().cells(0) if cell.arm == "low"]
    assert len(set(everyone)) == len(everyone)


def test_the_order_is_drawn_anew_and_by_the_seed() -> None:
    first, again, other = design(seed=1).cells(0), design(seed=1).cells(0), design(seed=2).cells(0)
    assert first == again
    assert [cell.arm for cell in first] != [cell.arm for cell in other]
    orders = Counter(tuple(cell.arm for cell in block) for block in by_block(first).values())
    assert len(orders) > 15  # of 24 draws
    places = Counter((cell.number % 5, cell.arm) for seed in range(40) for cell in design(seed=seed).cells(0))
    assert min(places.values()) > 0.7 * 40 * 24 / 5


def test_the_twin_is_of_the_middle_of_the_levels_that_think() -> None:
    assert design().twin_of == "medium"
    assert design("none,low").twin_of == "low"
    assert design("0,false").twin_of in {"0", "false"}


def test_the_control_is_asked_for_few_prompts_once_and_in_the_first_stage_only() -> None:
    one = design("low,high", controlled=True)
    assert one.arms == ("low", "high", TWIN, CONTROL)
    controls = [cell for cell in one.cells(0) if cell.arm == CONTROL]
    assert sorted(cell.prompt for cell in controls) == list(range(6))
    assert {cell.draw for cell in controls} == {0}
    assert not any(cell.arm == CONTROL for cell in one.cells(1))
    assert [len(one.cells(stage)) for stage in (0, 1)] == [one.count(stage) for stage in (0, 1)]


def test_stages_are_read() -> None:
    assert stages_of("12x2,30x3", prompts=None) == FIRST
    assert stages_of("20x3", prompts=20) == (Stage(prompts=20, draws=3),)


@pytest.mark.parametrize(
    ("text", "prompts", "told"),
    [
        ("12", None, "it takes PROMPTSxSEEDS"),
        ("12x2,", None, "it takes PROMPTSxSEEDS"),
        ("6x1,7x1,8x1,9x1,10x1", None, "at most 4"),
        ("12x2,12x2", None, "adds to the one before"),
        ("12x2,30x1", None, "adds to the one before"),
        ("5x9", None, "6 prompts or more"),
        ("12x0", None, "a seed or more"),
        ("12x2,30x3", 20, "there are 20 prompts, and 30 are asked for"),
    ],
)
def test_a_mistake_is_told(text: str, prompts: int | None, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        stages_of(text, prompts=prompts)
