"""What `make bench` puts into docs/results/performance.md."""

# Section -> rows (benchmark, label, unit); the first row is ours.
TABLE = {
    "Channel of moving paths: 7 paths x 256 subcarriers x 1024 packets": [
        ("test_paths_ours", "`simulate_paths`, uniform subcarriers", "call"),
        ("test_paths_numpy_sum", "NumPy, the sum written out (complex128, vectorised)", "call"),
        ("test_paths_numpy_recurrence", "NumPy, one phasor turned from subcarrier to subcarrier", "call"),
        ("test_paths_general", "`simulate_paths`, subcarriers that are not uniform", "call"),
        ("test_paths_write", "merely writing an array of that size", "call"),
    ],
    "Moving paths over 4 x 4 elements: 7 points, 256 subcarriers x 1024 packets": [
        ("test_arrays_ours[points]", "all 16 pairs", "call"),
        ("test_arrays_one_antenna[points]", "one antenna", "call"),
        ("test_arrays_pair_by_pair[points]", "`simulate_paths`' kernel pair by pair", "call"),
        ("test_arrays_numpy[points]", "NumPy, the sum written out pair by pair", "call"),
        ("test_arrays_write", "merely writing an array of that size", "call"),
    ],
    "Moving paths over 4 x 4 elements: 7 walkers of 15 points, 256 subcarriers x 1024 packets": [
        ("test_arrays_ours[bodies]", "all 16 pairs", "call"),
        ("test_arrays_one_antenna[bodies]", "one antenna", "call"),
        ("test_arrays_pair_by_pair[bodies]", "`simulate_paths`' kernel pair by pair", "call"),
    ],
    "Moving paths against Sionna: 7 paths x 256 subcarriers, one thread": [
        ("test_sionna_ours", "`simulate_paths`, 1024 packets a call", "packet"),
        (
            "test_sionna_cir_to_ofdm",
            "Sionna's `cir_to_ofdm_channel`, the same delays, 1024 packets a call",
            "packet",
        ),
        ("test_sionna_retraced", "Sionna's ray tracer anew at every packet, with `cfr`", "packet"),
    ],
    "AJ spectrum: positive lags, 1024 packets, 64 x 64 bins, batch of 128": [
        ("test_spectrum_ours", "`aj_spectrum`", "spectrum"),
        ("test_spectrum_torch", "the same, its transform by torch on the processor", "spectrum"),
        ("test_spectrum_literal", "the double loop over lags in NumPy, all lags", "spectrum"),
        ("test_spectrum_literal_even", "the same, every second lag only (m = 2τ + τ_d)", "spectrum"),
        ("test_spectrum_transform", "of ours, from the lag product on", "spectrum"),
    ],
    "Resolved spectrum: 4 x 4 antennas, 256 subcarriers, 1024 packets, 64 x 64 bins, batch of 6, one thread": [
        ("test_resolved_ours[fixed]", "`aj_spectrum(combine='resolved')`, fixed beams", "spectrum"),
        ("test_resolved_ours[blind]", "the same, blind", "spectrum"),
        ("test_resolved_numpy", "NumPy: cells by FFT, then the loop over cells and lags", "spectrum"),
    ],
    "Samples of the scenario `default`, one thread: where the time goes": [
        ("test_samples_default", "`make_samples`, 32 at once: what `isacsim generate` does", "sample"),
        ("test_part_channel", "of it, drawing, paths and static part", "sample"),
        ("test_part_noise", "of it, noise (`with_noise`)", "sample"),
        ("test_part_noise_numpy", "the noise by NumPy's `standard_normal` (float32) instead", "sample"),
        ("test_part_lag_products", "of it, lag products: noisy, noiseless, and of each path", "sample"),
        ("test_part_transform", "of it, three transforms", "sample"),
        ("test_sample_default", "one at a time: `simulate` + `sample_spectra`", "sample"),
    ],
    "Samples of the scenario `lab_cubic` (two channels, all impairments), one thread": [
        ("test_samples_lab", "`make_samples`, 32 at once", "sample"),
        ("test_part_lab_received", "of it, the capture as received", "sample"),
        ("test_part_lab_conditioned", "of it, product with the reference and resampling", "sample"),
        ("test_sample_lab", "one at a time: `simulate` + `sample_spectra`", "sample"),
    ],
    "Training the diffusion model of dira, 32 x 32 bins, one thread": [
        ("test_train_ours", "`dira.Purifier().fit`", "sample"),
        ("test_train_plain", "a plain PyTorch loop: same network, loss, clipping, average", "sample"),
        ("test_train_field", "the loop of diffusers' unconditional training example, same size", "sample"),
    ],
    "Purification (algorithm 1), 32 x 32 bins, one thread": [
        ("test_enhance_ours", "`dira.Purifier().enhance`, a step of the walk", "image"),
        ("test_enhance_network", "of it, the network alone", "image"),
    ],
}
