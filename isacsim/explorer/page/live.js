// The live tab: controls, and the pictures that follow them.
"use strict";

isac.live = async (start) => {
  const byId = isac.byId;
  const QUANTITIES = [
    ["path_length_m", "path length", "m", 1], ["velocity_m_s", "velocity", "m/s", 2],
    ["acceleration_m_s2", "acceleration", "m/s²", 1], ["jerk_m_s3", "jerk", "m/s³", 1], ["amplitude", "amplitude", "", 2],
  ];
  let loaded = null; // what the server said of the scenario
  let points = []; // of all sliders, shown or not
  let shown = null; // last picture
  let paths = null; // estimated ones, of the picture that is shown
  let running = false, again = false;

  const controls = () => ({
    seed: Number(byId("seed").value),
    points: byId("own").checked ? null : points.slice(0, Number(byId("count").value)),
    snr_db: Number(byId("snr").value),
    packets: Number(byId("packets").value),
    antennas: loaded.antennas_fixed ? null : [Number(byId("rx").value), Number(byId("tx").value)],
    combine: byId("combine").value, window: byId("window").value, lag_window: byId("lag-window").value,
  });
  const question = () => ({ scenario: byId("scenario").value, controls: controls(), clean: byId("clean").value === "clean" });

  // One question at a time; of all that changed meanwhile the last counts.
  const update = async () => {
    if (running) {
      again = true;
      return;
    }
    running = true;
    do {
      again = false;
      const begun = performance.now();
      const made = await isac.busy("computing", () => isac.ask("picture", question()));
      if (made !== null) {
        shown = made;
        paths = null;
        render();
        const kept = made.made.includes("simulation") ? "static channel and noise are those of the seed" : "CSI kept";
        byId("made").textContent = `Recomputed: ${made.made.join(", ") || "nothing"}; ${kept}.`;
        byId("made").title = `${Math.round(made.seconds * 1000)} ms of computing, ${Math.round(performance.now() - begun)} ms in all`;
        document.body.dataset.pictures = String(Number(document.body.dataset.pictures || 0) + 1);
      }
    } while (again);
    running = false;
  };

  const render = () => {
    if (shown === null) return;
    const truth = byId("show-truth").checked ? shown.truth : [];
    const peaks = byId("show-peaks").checked ? shown.peaks : [];
    const found = byId("show-paths").checked && paths !== null ? paths : [];
    const at = (kind) => (path, n) => ({ x: path.acceleration, y: path.jerk, kind, text: kind === "circle" ? String(n + 1) : "" });
    const { spectrum, doppler } = shown;
    isac.drawSpectrum(byId("aj"), "acceleration-jerk spectrum", spectrum.values, spectrum.acceleration, spectrum.jerk,
      [...peaks.map(at("diamond")), ...truth.map(at("circle")), ...found.map(at("cross"))]);
    const moving = found.filter((path) => path.velocity !== null && path.acceleration !== null && path.jerk !== null);
    isac.drawDoppler(byId("doppler"), doppler, [
      ...truth.map((path, n) => isac.speedLine(path, doppler.time, "truth", String(n + 1))),
      ...moving.map((path) => isac.speedLine(path, doppler.time, "path"))]);
    byId("note").textContent = shown.note;
    byId("found").replaceChildren(...(paths === null ? [] : [
      isac.element("h2", { textContent: `Estimated paths: ${paths.length}, true targets: ${shown.truth.length}` }), isac.quantities(paths)]));
  };

  const tell = () => {
    byId("snr-out").textContent = `${isac.number(Number(byId("snr").value), 1)} dB`;
    const packets = Number(byId("packets").value);
    byId("packets-out").textContent = `${packets} pkt`;
    byId("packets-out").title = "packets";
    byId("count-out").textContent = byId("own").checked ? "drawn" : byId("count").value;
    byId("count").disabled = byId("own").checked;
    document.querySelectorAll("#targets details").forEach((one, n) => {
      one.hidden = byId("own").checked || n >= Number(byId("count").value);
    });
  };

  const sliders = () => points.map((point, n) => {
    const rows = QUANTITIES.map(([name, title, unit, digits]) => {
      const [least, most, step] = loaded.ranges[name];
      const id = `t${n}-${name}`;
      const input = isac.element("input", { type: "range", id, min: least, max: most, step, value: point[name] });
      const output = isac.element("output", { htmlFor: id });
      const say = () => {
        output.textContent = `${isac.number(point[name], digits)} ${unit}`;
        input.setAttribute("aria-valuetext", output.textContent);
      };
      input.addEventListener("input", () => {
        point[name] = Number(input.value);
        say();
        update();
      });
      say();
      return isac.element("div", { className: "row" }, isac.element("label", { htmlFor: id, textContent: title }), input, output);
    });
    return isac.element("details", { open: n === 0 }, isac.element("summary", { textContent: `Target ${n + 1}` }), ...rows);
  });

  const load = async (name, keepSeed) => {
    const made = await isac.busy("reading the scenario", () => isac.ask("scenario", { scenario: name }));
    if (made === null) return;
    loaded = made;
    points = made.points.map((point) => ({ ...point }));
    const from = made.controls;
    if (!keepSeed) byId("seed").value = from.seed;
    byId("description").textContent = made.description;
    byId("scenario-note").textContent = made.note;
    byId("snr").value = from.snr_db;
    byId("packets").max = Math.max(2048, 2 * from.packets);
    byId("packets").value = from.packets;
    byId("own").checked = from.points === null;
    byId("own").disabled = false;
    byId("count").max = made.most;
    byId("count").value = from.points === null ? 1 : from.points.length;
    const sizes = (now) => [...new Set([1, 2, 3, 4, 6, 8, now])].sort((a, b) => a - b);
    const [rx, tx] = from.antennas || [1, 1];
    for (const [id, now] of [["rx", rx], ["tx", tx]]) {
      isac.select(byId(id), sizes(now), now);
      byId(id).disabled = made.antennas_fixed !== "";
    }
    byId("antennas-note").textContent = made.antennas_fixed ? `Antennas as they are: ${made.antennas_fixed}.` : "";
    isac.select(byId("combine"), start.combine, from.combine);
    isac.select(byId("window"), start.windows, from.window);
    isac.select(byId("lag-window"), start.windows, from.lag_window);
    byId("targets").replaceChildren(...sliders());
    tell();
    await update();
  };

  const exporting = async () => {
    const made = await isac.busy("exporting", () => isac.ask("export", question()));
    if (made === null) return;
    for (const [kind, ending] of [["yaml", "yaml"], ["python", "py"]]) {
      const file = `${made.name}.${ending}`;
      byId(kind).value = made[kind];
      byId(`${kind}-name`).textContent = file;
      const link = byId(`${kind}-file`);
      if (link.href) URL.revokeObjectURL(link.href);
      link.href = URL.createObjectURL(new Blob([made[kind]], { type: "text/plain" }));
      link.download = file;
    }
    byId("export-dialog").showModal();
  };

  const names = Object.keys(start.scenarios);
  const given = start.tab === "live" ? start.given : "explore";
  const every = names.includes(given) ? names : [given, ...names];
  isac.select(byId("scenario"), every, given);
  byId("scenario").addEventListener("change", () => load(byId("scenario").value));
  for (const id of ["snr", "packets", "count", "own", "seed", "rx", "tx", "combine", "window", "lag-window", "clean"]) {
    byId(id).addEventListener("input", () => {
      tell();
      update();
    });
  }
  byId("controls").addEventListener("submit", (event) => event.preventDefault());
  for (const id of ["show-truth", "show-peaks", "show-paths"]) byId(id).addEventListener("input", render);
  byId("reset").addEventListener("click", () => load(byId("scenario").value));
  byId("estimate").addEventListener("click", async () => {
    const of = shown;
    const made = await isac.busy("estimating", () => isac.ask("estimate", question()));
    if (made === null || of !== shown) return; // a control moved meanwhile
    paths = made.paths;
    render();
    document.body.dataset.estimates = String(paths.length);
  });
  byId("export").addEventListener("click", exporting);
  byId("export-close").addEventListener("click", () => byId("export-dialog").close());
  isac.open.scenario = (name) => {
    if (![...byId("scenario").options].some((option) => option.value === name)) byId("scenario").prepend(isac.element("option", { value: name, textContent: name }));
    byId("scenario").value = name;
    isac.show("live");
    load(name);
  };
  if (start.tab === "live") await load(given);
  else byId("tab-live").addEventListener("click", () => loaded === null && load(given), { once: true });
};
