"""The counter of people, and the weights that come with dira."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
import typer
from scipy.constants import speed_of_light

import dira
import isacsim
from dira.data.delay_cells import TIMES
from dira.experiment import people as people_study
from dira.experiment.people import MOST, Case, judged, plain, whole_window
from dira.models import window_counter
from isacsim import InputError
from tests.dira.body_windows import FREQUENCY, TIME, csi_of, three_bodies

SMALL = {"widths": (8, 8), "windows": (64,), "hop": 64, "most": 3}


@pytest.fixture(scope="module")
def crowds(tmp_path_factory):
    with three_bodies(tmp_path_factory.mktemp("bodies")) as made:
        yield made


def test_it_learns_and_is_taken_up_again(crowds, tmp_path):
    def counter() -> dira.PeopleCounter:
        return dira.PeopleCounter(**SMALL)

    settings = {"batch_size": 8, "seed": 3, "threads": 1, "warmup": 0, "device": "cpu"}
    whole = counter().fit(crowds, steps=6, **settings)

    def stop(done: int, total: int, loss: float) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        counter().fit(crowds, steps=6, checkpoints=tmp_path / "c", every=2, progress=stop, **settings)
    again = counter().fit(crowds, steps=6, checkpoints=tmp_path / "c", every=2, **settings)
    for name, value in whole.network.state_dict().items():
        torch.testing.assert_close(again.network.state_dict()[name], value)
    folder = again.save_pretrained(tmp_path / "kept")
    cells = crowds.batch(np.random.default_rng(1), 5)[0].numpy()
    read = dira.PeopleCounter.from_pretrained(folder)
    np.testing.assert_allclose(read.predict_proba(cells), again.predict_proba(cells), atol=1e-6)
    assert read.predict_proba(cells).sum(axis=1) == pytest.approx(1)
    assert read.history["crowds"]["bodies"] == 3


def test_calibration_makes_held_out_numbers_likeliest(crowds):
    counter = dira.PeopleCounter(**SMALL).fit(crowds, steps=2, batch_size=4, threads=1, device="cpu")
    cells, numbers = crowds.batch(np.random.default_rng(1), 64)
    rows = np.arange(64)

    def surprise() -> float:
        return -np.log(counter.predict_proba(cells.numpy())[rows, numbers.numpy()]).mean()

    counter.config = counter.config.model_copy(update={"temperature": 0.2})
    before = surprise()
    counter.calibrate(cells.numpy(), numbers)
    assert surprise() < before
    best, at = surprise(), counter.config.temperature
    for other in (0.9 * at, 1.1 * at):
        counter.config = counter.config.model_copy(update={"temperature": other})
        assert surprise() >= best - 1e-9


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"receiver": slice(0, 1), "packet": slice(0, 500)}, "window must be 1.024 s, got 0.5 s"),
        ({"subcarrier": slice(0, 8)}, "bandwidth must be 80 MHz, got 40 MHz"),
        ({"packet": slice(None, None, 4)}, "at least 450 packets/s, got 250"),
        (
            {"packet": np.r_[0:260, 760:1024]},
            "no gap may hold more than a tenth of the window, got one of 0.501 s",
        ),
        ({"packet": slice(0, 0)}, "must hold packets and subcarriers, got 0 and 16"),
        ({"packet": np.r_[5, 0:5, 6:1024]}, "time must ascend strictly"),
        ({"subcarrier": slice(None, None, -1)}, ""),
    ],
)
def test_windows_unlike_those_of_the_training_are_refused(change, said):
    import xarray as xr

    coords = {"time": ("packet", TIME), "frequency": ("subcarrier", FREQUENCY)}
    csi = xr.DataArray(csi_of(2), coords, ("receiver", "subcarrier", "packet"))
    counter = dira.PeopleCounter()
    if not said:
        np.testing.assert_allclose(counter.cells(csi.isel(change)), counter.cells(csi), atol=1e-5)
        return
    with pytest.raises(InputError, match=said):
        counter.cells(csi.isel(change))


@pytest.fixture(scope="module")
def made():
    """A counter that has learned nothing."""
    rng = np.random.default_rng(0)
    cells = torch.from_numpy(rng.standard_normal((4, 1, 8, TIMES, 2)).astype(np.float32)).view(
        torch.complex64
    )
    counter = dira.PeopleCounter(**SMALL)
    return counter.fit([cells[..., 0], torch.arange(4)], steps=1, batch_size=4, threads=1, device="cpu")


def window(csi: np.ndarray, dims: tuple[str, ...] = ("receiver", "subcarrier", "packet")):
    import xarray as xr

    coords = {"time": ("packet", TIME), "frequency": ("subcarrier", FREQUENCY)}
    return xr.DataArray(csi, coords, dims)


@pytest.mark.parametrize("offset", [-8.0, 0.0, 15.0, 40.0])
def test_the_static_part_gives_the_time_where_it_is_not_known(offset):
    def path(length: float) -> np.ndarray:
        return np.exp(-2j * np.pi * length * FREQUENCY / speed_of_light)[np.newaxis, :, np.newaxis]

    csi = 10 * path(4.0) + path(9.5) * np.exp(2j * np.pi * 50 / 1.024 * TIME)
    later = (
        csi * np.exp(-2j * np.pi * offset * (FREQUENCY - FREQUENCY.mean()) / speed_of_light)[:, np.newaxis]
    )
    counter = dira.PeopleCounter()
    aligned = window(later).assign_attrs(conditioning="phase aligned to the mean channel")
    np.testing.assert_allclose(counter.cells(aligned), counter.cells(window(csi)), atol=1e-5)
    # A capture whose time is right stays as it is.
    known = counter.cells(window(later).assign_attrs(conditioning="none"))
    assert (np.abs(known - counter.cells(window(csi))).max() > 0.1) == (offset != 0)


def test_windows_that_are_none_are_refused(made):
    csi = csi_of(2)
    broken = csi.copy()
    broken[0, 3, 5] = np.nan
    for windows, said in (
        ([window(csi).drop_vars("frequency")], "must have the coordinate frequency"),
        ([window(csi).drop_vars("time")], "must have the coordinate time"),
        ([window(csi[np.newaxis], ("sample", "receiver", "subcarrier", "packet"))], "got sample, receiver"),
        ([window(broken)], "not finite"),
        (window(csi), "must be a list of windows or an array, got DataArray"),
        (np.zeros((1, 2, 8, TIMES), np.complex64), r"\(window, 1, 8, 512\), got shape \(1, 2, 8, 512\)"),
        (np.full((1, 1, 8, TIMES), np.nan, np.complex64), "got values that are not finite"),
    ):
        with pytest.raises(InputError, match=said):
            made.predict_proba(windows)
    with pytest.raises(InputError, match="batch_size must be an integer of at least 1, got 0"):
        made.predict_proba([window(csi)], batch_size=0)
    for numbers in ([1], [1, 2, 3]):
        with pytest.raises(InputError, match="must be 2 numbers of people from 0 to 3"):
            made.calibrate([window(csi)] * 2, numbers)
    with pytest.raises(InputError, match="must be 1 numbers of people from 0 to 3"):
        made.calibrate([window(csi)], [4])


def test_the_order_of_an_arrays_pairs_does_not_matter():
    rx, tx = np.divmod(np.arange(16), 4)
    csi = window(csi_of(4, 16)).assign_coords(rx_element=("receiver", rx), tx_element=("receiver", tx))
    counter = dira.PeopleCounter(antennas=(4, 4))
    mixed = csi.isel(receiver=np.random.default_rng(0).permutation(16))
    np.testing.assert_array_equal(counter.cells(mixed), counter.cells(csi))


def test_no_number_stands_for_more_people_than_the_counter_knows(made, monkeypatch):
    csi = window(csi_of(5))
    monkeypatch.setattr(window_counter, "shipped_models", lambda kind: {"some": None})
    monkeypatch.setattr(window_counter, "_people_counter", lambda name: made)
    sure = {"most": 3}
    monkeypatch.setattr(made, "predict_proba", lambda windows, **how: np.eye(4)[[sure["most"]]])
    with pytest.raises(InputError, match="knows up to 3: at least 3"):
        window_counter.count_people(csi, 4)
    assert window_counter.count_people(csi, 3).argmax() == 3
    assert window_counter.count_people(csi, 2) is None
    sure["most"] = 2
    assert window_counter.count_people(csi, 12).tolist() == [0, 0, 1, *[0] * 10]
    with pytest.raises(InputError, match="the 4 streams are not the antenna pairs of one array"):
        window_counter.count_people(window(csi_of(5, 4)), 3)


def test_bad_arguments_are_refused(tmp_path):
    with pytest.raises(InputError, match="is not trained"):
        dira.PeopleCounter().predict(np.zeros((1, 1, 8, TIMES), np.complex64))
    with pytest.raises(InputError, match="widths must be multiples of 8"):
        dira.PeopleCounter(widths=(12,))
    with pytest.raises(InputError, match="windows must be from 64 to 256"):
        dira.PeopleCounter(windows=(32,))
    with pytest.raises(InputError, match="at least one window, got none"):
        dira.PeopleCounter.pretrained().predict([])
    with pytest.raises(InputError, match=r"comes with PeopleCounter .*not 'nobody'"):
        dira.PeopleCounter.pretrained("nobody")
    with pytest.raises(InputError, match="holds no model"):
        dira.PeopleCounter.from_pretrained(tmp_path)


def test_figures_of_probabilities():
    sure = np.eye(MOST + 1)[[1, 2, 4, 7]]
    sure[3] = np.nan
    found = judged(sure, np.array([1, 2, 3, 7]))
    assert found["right"] == 0.5 and found["within_one"] == 0.75 and found["cannot_tell"] == 0.25
    assert found["mean_error"] == (0 + 0 + 1 + 7) / 4
    assert found["confusion"][3][4] == 1 and found["confusion"][7][-1] == 1


def test_the_counter_that_comes_with_dira_counts_captures():
    """A floor below its figures, on whole captures: cells of another taper would fall through it."""
    scenario = plain("walker")
    counter = dira.PeopleCounter.pretrained()
    numbers = np.arange(42) % 7 + 1
    windows = [whole_window(scenario, 43_000_000, i, int(n)) for i, n in enumerate(numbers)]
    said = counter.predict(windows)
    assert (said == numbers).mean() > 0.62 and np.abs(said - numbers).mean() < 0.45  # 0.71 and 0.31


def test_count_targets_counts_people_by_it():
    two = isacsim.simulate("walker", seed=3, n_targets=2)
    found = isacsim.count_targets(two, method="dira-people", max_targets=7)
    assert found["count"].values.tolist() == [2]
    assert found["probability"].values.sum() == pytest.approx(1)
    slow = isacsim.simulate("default", seed=1)
    refused = isacsim.count_targets(slow.isel(packet=slice(0, 100)), method="dira-people")
    assert refused["count"].values.tolist() == [-1]
    assert "must be" in str(refused["reason"].values[0])


def test_the_study_counts_and_writes_what_it_shows(tmp_path, monkeypatch):
    case = Case("one_antenna", "walker", "lab_siso", 7, "projection")
    monkeypatch.setitem(people_study.CASES, "a few", case)
    file = tmp_path / "people.json"
    people_study.people(file, "a few")
    ways = json.loads(file.read_text())["cases"]["a few"]
    assert ways["counter"]["captures"] == 7 and np.array(ways["rule"]["confusion"]).sum() == 7
    with pytest.raises(typer.BadParameter, match="must be some of"):
        people_study.people(file, "nobody")


def test_windows_whose_phases_were_mended_are_not_counted():
    scenario = plain("walker", impaired="lab_siso")
    found = isacsim.count_targets(isacsim.simulate(scenario, seed=1, n_targets=2), method="dira-people")
    assert found["count"].values.tolist() == [-1]
    assert "is wrong where these were taken out (here: phase aligned" in str(found["reason"].values[0])
