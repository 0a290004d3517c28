"""Likelihood and draws of sets of paths, given a `PathPosteriorNetwork`: units, scales and the order of paths."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from dira.data.path_windows import MIDDLE, SPAN
from dira.networks.path_posterior import PATH, Encoded, PathPosteriorNetwork

__all__ = ["Conditions", "drawn", "log_likelihood", "mirrored", "ordered", "static_log_likelihood"]

_CENTRE = torch.tensor([MIDDLE, 0.0, 0.0, 0.0, 0.0], dtype=torch.float64)
# A uniform number over the span has a unit variance after this, a logarithm of amplitude about so.
_WIDTH = torch.tensor([*(SPAN / math.sqrt(3)), 0.35], dtype=torch.float64)
# Distances at which a path uses up a candidate, in m, m/s, m/s², m/s³: a resolution cell of 80 MHz and a second.
_CELL = torch.tensor([3.75, 0.05, 0.2, 1.2], dtype=torch.float64)
# Errors of candidates, in their deviations, are taken so under asinh: up to 2000 lie within the splines' reach.
_SHARE = 0.6
# Of static summaries' errors.
_STATIC_SCALE, _STATIC_SHARE = 1e-3, 0.6


class Conditions:
    """Numbers of windows beside the encoding: candidates' states, scales and levels.

    Parameters
    ----------
    states, scale, level, static : torch.Tensor, float64
        As `dira.data.path_windows.Described`'s.
    """

    def __init__(
        self, states: torch.Tensor, scale: torch.Tensor, level: torch.Tensor, static: torch.Tensor
    ) -> None:
        self.there = torch.isfinite(states).all(dim=-1)
        eye = torch.eye(4, dtype=states.dtype, device=states.device).expand_as(scale)
        self.states = torch.nan_to_num(states)
        self.scale = torch.where(self.there[..., None, None], scale, eye)
        self.level = torch.nan_to_num(level, nan=1.0)
        self.static = torch.nan_to_num(static)


def ordered(paths: torch.Tensor) -> torch.Tensor:
    """Sort paths (window, path, 5) by descending amplitude, those that are none (NaN) last."""
    order = torch.nan_to_num(paths[..., 4], nan=-math.inf).argsort(dim=1, descending=True, stable=True)
    return paths.gather(1, order[..., None].expand_as(paths))


def _normal(paths: torch.Tensor) -> torch.Tensor:
    return (paths - _CENTRE.to(paths.device)) / _WIDTH.to(paths.device)


def _used(paths: torch.Tensor, given: Conditions) -> torch.Tensor:
    """Nearness of paths (window, path, 5) to candidates: (window, path, candidate, 4), to be added over paths."""
    off = (paths[:, :, None, :4] - given.states[:, None]) / _CELL.to(paths.device)
    square = off.square().sum(dim=-1)
    near = torch.exp(-square / 2)
    wide = torch.exp(-square / 50)
    louder = (paths[:, :, None, 4] - given.level[:, None, :, 0]).clamp(-3, 3)
    return torch.stack([near, wide, near * louder, wide * louder], dim=-1).float()


def _before(values: torch.Tensor) -> torch.Tensor:
    """Sums over the paths before each step, one step more than paths: (window, step, ...)."""
    return functional.pad(values.cumsum(dim=1), [0, 0] * (values.ndim - 2) + [1, 0])


def log_likelihood(
    network: PathPosteriorNetwork, encoded: Encoded, given: Conditions, paths: torch.Tensor
) -> torch.Tensor:
    """Logarithm of the density of sets of paths.

    Parameters
    ----------
    network, encoded, given
        Of the windows.
    paths : torch.Tensor, float64, shape (window, path, 5)
        Path length, velocity, acceleration, jerk, logarithm of amplitude; NaN for none. In any order.

    Returns
    -------
    torch.Tensor, float32, shape (window,)
        With respect to the paths' numbers in units of `SPAN`/√3 and 0.35.
    """
    paths = ordered(paths)
    there = torch.isfinite(paths).all(dim=-1)
    n = there.sum(dim=1)
    filled = torch.nan_to_num(paths)
    mask = there[..., None].float()
    summed = _before(network.path(_normal(filled).float()) * mask)
    used = _before(_used(filled, given) * mask[..., None])
    steps = torch.arange(paths.shape[1] + 1, device=paths.device)
    last = functional.pad(filled[..., 4].float(), [1, 0])
    made = network.step(_spread(encoded), used, summed, steps.float().expand(len(paths), -1), last)
    going, ending = functional.logsigmoid(-made.stop), functional.logsigmoid(made.stop)
    total = ending.gather(1, n[:, None])[:, 0] + (going[:, :-1] * there).sum(dim=1)
    window, step = torch.nonzero(there, as_tuple=True)
    true = filled[window, step]
    parts = made.choice[window, step].clone()
    # Anywhere.
    flow = network.anywhere_flow(made.anywhere[window, step])
    by_all = flow.log_prob(_normal(true).float())
    # Near candidates: only those that are.
    row, candidate = torch.nonzero(given.there[window], as_tuple=True)
    log_density = parts.new_full((len(true), given.states.shape[1]), -1e4)
    if len(row):
        at = window[row]
        warped, volume = _warped(true[row], given, at, candidate)
        near = network.near_flow(made.near[at, step[row], candidate])
        log_density = log_density.index_put((row, candidate), near.log_prob(warped.float()) + volume.float())
    density = torch.logsumexp(parts + torch.cat([log_density, by_all[:, None]], dim=1), dim=1)
    return total.index_add(0, window, density)


def _spread(encoded: Encoded) -> Encoded:
    return Encoded(*(part[:, None] for part in encoded))


def _warped(
    true: torch.Tensor, given: Conditions, window: torch.Tensor, candidate: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Errors of candidates in their deviations, under asinh, and the logarithm of how that changes volumes."""
    scale = given.scale[window, candidate]
    error = (true[:, :4] - given.states[window, candidate])[..., None]
    off = torch.linalg.solve_triangular(scale, error, upper=False)[..., 0]
    level = given.level[window, candidate]
    off = torch.cat([off, ((true[:, 4] - level[:, 0]) / level[:, 1])[:, None]], dim=1)
    volume = -0.5 * torch.log1p(off.square()).sum(dim=1) + torch.log(_WIDTH.to(true.device)).sum()
    volume = volume - torch.diagonal(scale, dim1=-2, dim2=-1).log().sum(dim=1) - level[:, 1].log()
    return _SHARE * torch.asinh(off), volume + off.shape[1] * math.log(_SHARE)


def static_log_likelihood(
    network: PathPosteriorNetwork, encoded: Encoded, given: Conditions, static: torch.Tensor
) -> torch.Tensor:
    """Logarithm of the density of static summaries (window, 2); 0 where these are NaN."""
    known = torch.isfinite(static).all(dim=-1)
    off = (torch.nan_to_num(static) - given.static) / _STATIC_SCALE
    warped = _STATIC_SHARE * torch.asinh(off)
    volume = -0.5 * torch.log1p(off.square()).sum(dim=1) + 2 * math.log(_STATIC_SHARE / _STATIC_SCALE)
    log_density = network.static_flow(network.static(encoded.whole)).log_prob(warped.float())
    return torch.where(known, log_density + volume.float(), 0.0)


def drawn(
    network: PathPosteriorNetwork,
    encoded: Encoded,
    given: Conditions,
    *,
    draws: int,
    most: int,
    chances: list[np.random.Generator],
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw sets of paths.

    Parameters
    ----------
    network, encoded, given
        Of the windows.
    draws : int
        Sets of each window.
    most : int
        Paths of a set, at most.
    chances : list of numpy.random.Generator
        One a window.

    Returns
    -------
    paths : torch.Tensor, float64, shape (window, draw, path, 5)
        In the order drawn, NaN beyond the last.
    static : torch.Tensor, float64, shape (window, draw, 2)
    """
    n, device = len(given.states), given.states.device
    uniform = _stacked([c.random((draws, most, 2)) for c in chances], device)
    normal = _stacked([c.standard_normal((draws, most, PATH)) for c in chances], device)
    of_static = _stacked([c.standard_normal((draws, 2)) for c in chances], device)
    context = network.static(encoded.whole)[:, None].expand(-1, draws, -1)
    warped = network.static_flow(context).transform.inv(of_static.float()).double()
    static = given.static[:, None] + _STATIC_SCALE * torch.sinh(warped / _STATIC_SHARE)
    out = torch.full((n, draws, most, PATH), math.nan, dtype=torch.float64, device=device)
    alive = torch.ones(n, draws, dtype=torch.bool, device=device)
    count, last = torch.zeros(n, draws, device=device), torch.zeros(n, draws, device=device)
    summed = encoded.whole.new_zeros(n, draws, encoded.whole.shape[-1])
    used = encoded.whole.new_zeros(n, draws, given.states.shape[1], 4)
    for step in range(most):
        made = network.step(_spread(encoded), used, summed, count, last)
        alive = alive & (uniform[:, :, step, 0] >= torch.sigmoid(made.stop.double()))
        window, draw = torch.nonzero(alive, as_tuple=True)
        if not len(window):
            break
        share = made.choice[window, draw].double().exp().cumsum(dim=1)
        chosen = (uniform[window, draw, step, 1:] * share[:, -1:] >= share[:, :-1]).sum(dim=1)
        path = _path(network, made, given, window, draw, chosen, normal[window, draw, step])
        out[window, draw, step] = path
        whole = torch.nan_to_num(out[:, :, step])
        mask = alive[..., None].float()
        summed = summed + network.path(_normal(whole).float()) * mask
        used = used + _used(whole, given) * mask[..., None]
        count, last = count + alive, torch.where(alive, whole[..., 4].float(), last)
    return out, static


def _path(
    network: PathPosteriorNetwork,
    made: Any,
    given: Conditions,
    window: torch.Tensor,
    draw: torch.Tensor,
    chosen: torch.Tensor,
    normal: torch.Tensor,
) -> torch.Tensor:
    """Draw one path for each row: near the candidate chosen, or anywhere."""
    path = torch.empty(len(window), PATH, dtype=torch.float64, device=normal.device)
    lone = chosen == given.states.shape[1]
    if lone.any():
        flow = network.anywhere_flow(made.anywhere[window[lone], draw[lone]])
        of_all = flow.transform.inv(normal[lone].float()).double()
        path[lone] = _CENTRE.to(path.device) + of_all * _WIDTH.to(path.device)
    near = ~lone
    if near.any():
        w, candidate = window[near], chosen[near]
        flow = network.near_flow(made.near[w, draw[near], candidate])
        warped = flow.transform.inv(normal[near].float()).double()
        off = torch.sinh((warped / _SHARE).clamp(-15, 15))
        level = given.level[w, candidate]
        moved = (given.scale[w, candidate] @ off[:, :4, None])[..., 0]
        path[near, :4] = given.states[w, candidate] + moved
        path[near, 4] = level[:, 0] + off[:, 4] * level[:, 1]
    return path


def _stacked(parts: list[Any], device: torch.device) -> torch.Tensor:
    return torch.from_numpy(np.stack(parts)).to(device)


def mirrored(tensors: list[torch.Tensor], chance: torch.Tensor) -> list[torch.Tensor]:
    """Mirror windows with their truth, by the two symmetries of the model of a path.

    Parameters
    ----------
    tensors : list of torch.Tensor
        As `dira.PathPosterior.fit` takes them.
    chance : torch.Tensor, bool, shape (window, 2)
        Which are reversed in time (velocity and jerk turn their signs), and which have the phase's sign turned
        (velocity, acceleration and jerk do, and a path length d becomes 18 m - d). The static channel's delays are
        turned too then: its truth is left out.
    """
    states, scale, level, numbers, images, doppler, facts, static, paths, true_static = tensors
    reverse, turn = chance[:, 0], chance[:, 1]
    one = torch.ones(len(chance), dtype=torch.float64, device=chance.device)
    of_time, of_phase = torch.where(reverse, -one, one), torch.where(turn, -one, one)
    sign = torch.stack([of_phase, of_phase * of_time, of_phase, of_phase * of_time], dim=1)
    centre = _CENTRE[:4].to(states.device)
    states = centre + (states - centre) * sign[:, None]
    scale = scale * sign[:, None, :, None] * sign[:, None, None, :]
    moved = centre + (paths[..., :4] - centre) * sign[:, None]
    paths = torch.cat([moved, paths[..., 4:]], dim=-1)
    numbers = numbers.clone()
    numbers[..., :4] *= sign[:, None].to(numbers.dtype)
    near = numbers[..., 13:].unflatten(-1, (2, 5, 5))
    rows, columns = turn, turn ^ reverse
    numbers[..., 13:] = _flipped(near, rows, columns).flatten(-3)
    images, doppler = _flipped(images, rows, columns), _flipped(doppler, turn, turn ^ reverse)
    true_static = torch.where(turn[:, None], torch.nan, true_static)
    return [states, scale, level, numbers, images, doppler, facts, static, paths, true_static]


def _flipped(images: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Turn some windows' last axis but one, and their last."""
    shape = (-1, *[1] * (images.ndim - 1))
    images = torch.where(rows.view(shape), images.flip(-2), images)
    return torch.where(columns.view(shape), images.flip(-1), images)
