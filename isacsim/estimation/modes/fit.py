"""All components together: linear in their slow amplitudes, with a prior that they are nearly constant.

For a set of phases the amplitudes of all channels are one ridge regression. Its columns are a constant (the static
part), then `N_BASIS` for each component. Where the CSI was made with a reference, as many follow for its mirror image
(method.md section 1). The prior variance of the k-th polynomial is a small share of the component's own level; at the
same misfit, phases that leave less to the amplitudes win. While components are being found the amplitudes are free:
each then takes all that is near it, and what is left belongs to others.

Phases move in two ways: by the courses that the amplitudes have gathered, and by damped Gauss-Newton steps on the
whole objective, amplitudes projected out (Kaufman's variable projection).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isacsim.estimation.modes.cells import CellSeries
from isacsim.estimation.modes.chirps import N_BASIS

__all__ = ["Component", "ComponentFit", "ComponentProblem"]

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

# Prior variance of each polynomial of an amplitude, relative to the constant one's energy.
WANDER = np.array([np.inf, 6e-3, 4e-3, 2e-3, 1.2e-3, 8e-4, 6e-4])
# The mirror image by way of the reference: its prior energy relative to the path's, and by polynomial.
MIRROR = 0.03 * np.array([1, 0.3, 0.2, 0.1, 0.05, 0.03, 0.02])
# How far the reference's own geometry may bend an image away from the mirrored path, Hz.
MIRROR_GATE = 5.0
# Amplitudes of an image below this many noise variances say nothing about its phase.
MIRROR_ENERGY = 10.0
# The furthest that one reading of the courses may move velocity, acceleration and jerk.
FURTHEST = np.array([0.5, 1.5, 8.0])
# The furthest step of Gauss-Newton in radians of a Legendre polynomial.
LONGEST = 1.0
# Free amplitudes: the ridge on columns of unit norm, by polynomial.
FREE = np.array([1e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0, 3.0])
# A rise of the objective by this share still counts as standing still.
STANDS = 5e-4


@dataclass(frozen=True)
class Component:
    """Phases of a component and of its image: Legendre coefficients."""

    phase: Array
    image: Array

    @classmethod
    def at(cls, phase: Array) -> Component:
        """A component whose image is its exact mirror."""
        return cls(phase, -phase)


@dataclass(frozen=True)
class ComponentFit:
    """Components with their amplitudes and what they leave.

    Attributes
    ----------
    components : tuple of Component
        Phases.
    columns : complex ndarray (slot, column)
        The regression's matrix.
    amplitudes : complex ndarray (column, channel)
        Its solution.
    inverse : complex ndarray (column, column)
        (columns^H columns + prior)^-1.
    residual : complex ndarray (channel, slot)
        What is left.
    rss, objective : float
        Sum of |residual|^2, and that plus the prior's price.
    """

    components: tuple[Component, ...]
    columns: Complex
    amplitudes: Complex
    inverse: Complex
    residual: Complex
    rss: float
    objective: float

    def __len__(self) -> int:
        return len(self.components)

    def block(self, component: int) -> slice:
        """Columns of a component."""
        return slice(1 + N_BASIS * component, 1 + N_BASIS * (component + 1))

    def slow(self) -> Complex:
        """Amplitudes of the components proper, (component, basis, channel)."""
        n = len(self)
        return self.amplitudes[1 : 1 + N_BASIS * n].reshape(n, N_BASIS, self.amplitudes.shape[1])

    def energies(self) -> Array:
        """Energy of each component."""
        return (np.abs(self.slow()) ** 2).sum(axis=(1, 2))

    def wander(self) -> Array:
        """Measure how far each component's amplitude is from constant, in prior variances."""
        energy = (np.abs(self.slow()) ** 2).sum(axis=2)
        return (energy[:, 1:] / WANDER[1:]).sum(axis=1) / np.maximum(energy[:, 0], 1e-300)

    def removal(self, component: int) -> float:
        """Energy that the rest would leave more without a component."""
        part = self.block(component)
        amplitude = self.amplitudes[part]
        return float(np.vdot(amplitude, np.linalg.solve(self.inverse[part, part], amplitude)).real)


class ComponentProblem:
    """The regression for one capture.

    Parameters
    ----------
    series : CellSeries
        The capture.
    images : bool
        Whether every component brings a mirror image: CSI times the conjugate of a reference's.
    free : bool
        Whether amplitudes may wander freely, without a prior.
    """

    def __init__(self, series: CellSeries, images: bool, *, free: bool = False) -> None:
        self.series = series
        self.images = images
        self.free = free

    def columns(self, components: tuple[Component, ...]) -> Complex:
        """Columns of the regression, (slot, 1 + N_BASIS x components [x 2])."""
        basis = self.series.basis
        phases = [c.phase for c in components] + ([c.image for c in components] if self.images else [])
        out = np.empty((basis.slot_u.size, 1 + N_BASIS * len(phases)), np.complex128)
        out[:, 0] = basis.constant
        if phases:
            chirps = basis.chirp(np.array(phases)).T
            np.multiply(
                chirps[:, :, None], basis.basis[:, None], out=out[:, 1:].reshape(-1, len(phases), N_BASIS)
            )
        return out

    def solve(self, components: tuple[Component, ...], *, learned: bool = False) -> ComponentFit:
        """Solve for the amplitudes.

        Parameters
        ----------
        components : tuple of Component
            Phases.
        learned : bool
            Prior variances from the amplitudes themselves (one step of expectation and maximisation) in place of the
            fixed ones: what the courses read then is free of the fixed prior's pull.
        """
        columns = self.columns(components)
        adjoint = np.ascontiguousarray(columns.conj().T)
        gram, matched = adjoint @ columns, adjoint @ self.series.values.T
        prior = self._prior(gram, matched, len(components))
        inverse: Complex = np.linalg.inv(gram + np.diag(prior)).astype(np.complex128)
        amplitudes: Complex = inverse @ matched
        if learned and components:
            noise = self.series.noise
            variance = (np.abs(amplitudes) ** 2).mean(axis=1) + noise * np.diag(inverse).real
            prior = self._with_free(noise / np.maximum(variance, 1e-12 * self.series.energy), len(components))
            inverse = np.linalg.inv(gram + np.diag(prior)).astype(np.complex128)
            amplitudes = inverse @ matched
        residual = self.series.values - (columns @ amplitudes).T
        rss = float((np.abs(residual) ** 2).sum())
        price = float((np.abs(amplitudes) ** 2 * prior[:, None]).sum())
        return ComponentFit(components, columns, amplitudes, inverse, residual, rss, rss + price)

    def _prior(self, gram: Complex, matched: Complex, n: int) -> Array:
        """Noise variance over prior variance of every column; levels from constant amplitudes alone."""
        prior = np.zeros(gram.shape[0])
        if self.free:
            prior[1:] = np.tile(FREE, n)
            prior[0] = 1e-9
            return prior
        if n:
            at = np.concatenate([[0], 1 + N_BASIS * np.arange(n)])
            ridge = np.diag(np.concatenate([[0.0], np.full(n, 1e-3)]))
            constant = np.linalg.solve(gram[np.ix_(at, at)] + ridge, matched[at])[1:]
            floor = 1e-6 * self.series.energy / max(self.series.values.shape[0], 1)
            level = np.maximum((np.abs(constant) ** 2).mean(axis=1), floor)
            prior[1 : 1 + N_BASIS * n] = (self.series.noise / (level[:, None] * WANDER)).ravel()
            if self.images:
                prior[1 + N_BASIS * n :] = (self.series.noise / (level[:, None] * MIRROR)).ravel()
        return self._with_free(prior, n)

    def _with_free(self, prior: Array, n: int) -> Array:
        """Static part and constant amplitudes are free but for rounding."""
        prior[0] = 1e-9
        prior[1 : 1 + N_BASIS * n : N_BASIS] = 1e-6
        return prior

    def follow_courses(
        self, fit: ComponentFit, rounds: int, order: int, *, learned: bool = False
    ) -> ComponentFit:
        """Move every phase by what its amplitude has gathered, as long as the objective stands or falls."""
        for _ in range(rounds if len(fit) else 0):
            moved = self.solve(self._moved(fit, order), learned=learned)
            if moved.objective > fit.objective * (1 + STANDS):
                break
            fit = moved
        return fit

    def _moved(self, fit: ComponentFit, order: int) -> tuple[Component, ...]:
        basis = self.series.basis
        shifts = basis.course(fit.slow(), order)
        shifts[(np.abs(shifts @ basis.to_state.T) > FURTHEST).any(axis=1)] = 0
        moved = []
        for i, (component, shift) in enumerate(zip(fit.components, shifts, strict=True)):
            phase, image = component.phase + shift, component.image - shift
            if self.images:
                amplitude = fit.amplitudes[fit.block(len(fit) + i)]
                limit = MIRROR_ENERGY * amplitude.size * self.series.noise
                if (np.abs(amplitude) ** 2).sum() > limit:
                    bent = component.image + basis.course(amplitude, 3)
                    if basis.apart(bent, -phase) < MIRROR_GATE:
                        image = bent
            moved.append(Component(phase, image))
        return tuple(moved)

    def descend(self, fit: ComponentFit, steps: int, order: int) -> ComponentFit:
        """Damped Gauss-Newton on the objective over all phases at once."""
        damping = 1e-2
        for _ in range(steps if len(fit) else 0):
            normal, gradient = self._normal(fit, order)
            diagonal = np.diag(normal) + 1e-12
            trial = None
            while damping <= 1e2:
                held = normal + np.diag(damping * diagonal + 1e-9 * diagonal.max())
                step = np.linalg.solve(held, gradient).reshape(len(fit), order).clip(-LONGEST, LONGEST)
                trial = self.solve(tuple(map(_stepped, fit.components, step)))
                if trial.objective < fit.objective:
                    break
                damping = max(10 * damping, 1e-2)
            else:
                return fit
            assert trial is not None
            done = fit.objective - trial.objective < 1e-3 * fit.objective
            fit, damping = trial, damping / 10
            if done:
                break
        return fit

    def _normal(self, fit: ComponentFit, order: int) -> tuple[Array, Array]:
        """Gauss-Newton's matrix and gradient over (component, order), amplitudes projected out."""
        slots, channels = fit.columns.shape[0], fit.amplitudes.shape[1]
        rows = self.series.basis.at_slots[:, 1 : order + 1]
        slope = np.empty((slots, len(fit), order, channels), np.complex128)
        for i in range(len(fit)):
            signal = 1j * (fit.columns[:, fit.block(i)] @ fit.amplitudes[fit.block(i)])
            np.multiply(rows[:, :, None], signal[:, None, :], out=slope[:, i])
        n = len(fit) * order
        seen = (fit.columns.conj().T @ slope.reshape(slots, -1)).reshape(-1, n, channels)
        taken = (fit.inverse @ seen.reshape(seen.shape[0], -1)).reshape(seen.shape)
        flat = slope.reshape(slots, n, channels).transpose(1, 0, 2).reshape(n, -1)
        normal = (flat.conj() @ flat.T).real
        normal -= np.einsum("npr,nqr->pq", seen.conj(), taken, optimize=True).real
        return normal, (flat.conj() @ fit.residual.T.ravel()).real


def _stepped(component: Component, step: Array) -> Component:
    shift = np.zeros_like(component.phase)
    shift[1 : 1 + step.size] = step
    return Component(component.phase + shift, component.image - shift)
