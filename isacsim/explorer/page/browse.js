// The tabs that show files: samples of a data set, and captures.
"use strict";

(() => {
  const byId = isac.byId;
  let store = ""; // the one that is open
  let position = 0;

  const optional = (id) => (byId(id).value === "" ? null : Number(byId(id).value));

  const sample = async () => {
    const asked = {
      store, position, n_targets: optional("class"), split: byId("split").value || null,
      snr_least: optional("snr-least"), snr_most: optional("snr-most"),
    };
    const made = await isac.busy("reading", () => isac.ask("sample", asked));
    if (made === null) return false;
    position = made.position;
    byId("filters").hidden = false;
    const named = (every) => (value) => (value === "" ? every : value === -1 ? "unlabelled" : String(value));
    isac.select(byId("class"), ["", ...made.classes], asked.n_targets === null ? "" : asked.n_targets, named("any number"));
    isac.select(byId("split"), ["", ...made.splits], asked.split === null ? "" : asked.split, named("all"));
    byId("position").value = made.matching ? position + 1 : 0;
    byId("position").max = made.matching;
    byId("of").textContent = `of ${made.matching}`;
    byId("previous").disabled = position <= 0;
    byId("next").disabled = position + 1 >= made.matching;
    if (made.sample === undefined) {
      byId("sample-about").textContent = `None of the ${made.made} samples is like that.`;
      byId("spectra").replaceChildren();
      byId("sample-truth").replaceChildren();
      return true;
    }
    const { about } = made;
    const labelled = about.n_targets >= 0 ? `${about.n_targets} target${about.n_targets === 1 ? "" : "s"}` : "unlabelled";
    const parts = [`Sample ${made.sample} of ${made.store} (${made.made} of ${made.total} samples made)`, labelled, `split ${about.split}`];
    if (about.snr_db !== null) parts.push(`SNR ${isac.number(about.snr_db, 1)} dB`);
    if (about.scenario) parts.push(`scenario ${about.scenario}`);
    if (about.domain) parts.push(about.domain);
    byId("sample-about").textContent = parts.join("; ");
    const truth = made.truth.map((path, n) => ({ x: path.acceleration, y: path.jerk, kind: "circle", text: String(n + 1) }));
    const kinds = Object.entries(made.spectra);
    const canvases = kinds.map(() => isac.element("canvas", { role: "img" }));
    byId("spectra").replaceChildren(...kinds.map(([kind, packed], n) => isac.element("figure", {}, packed === null ? `${kind}: none` : canvases[n])));
    kinds.forEach(([kind, packed], n) => packed !== null && isac.drawSpectrum(canvases[n], kind, packed, made.acceleration, made.jerk, truth));
    byId("sample-truth").replaceChildren(...(made.truth.length ? [isac.element("h2", { textContent: "Truth" }), isac.quantities(made.truth)] : []));
    document.body.dataset.sample = String(made.sample);
    return true;
  };

  isac.open.store = async (name) => {
    isac.show("store");
    byId("store-name").value = name;
    store = name;
    position = 0;
    for (const id of ["class", "split", "snr-least", "snr-most"]) byId(id).value = "";
    if (await sample()) return;
    byId("filters").hidden = true;
    byId("sample-about").textContent = "";
    byId("spectra").replaceChildren();
    byId("sample-truth").replaceChildren();
  };

  const move = (to) => {
    position = Math.max(0, to);
    sample();
  };

  const list = (title, lines) => [
    isac.element("h2", { textContent: title }),
    lines.length ? isac.element("ul", {}, ...lines.map((line) => isac.element("li", { textContent: line }))) : isac.element("p", { textContent: "Nothing." }),
  ];

  isac.open.file = async (name) => {
    isac.show("capture");
    byId("capture-name").value = name;
    byId("overview").replaceChildren();
    const asked = { file: name, carrier: optional("carrier"), bandwidth: optional("bandwidth"), packet_rate: optional("packet-rate"), chip: byId("chip").value || null };
    const made = await isac.busy("reading", () => isac.ask("capture", asked));
    if (made === null) return;
    byId("overview").replaceChildren(
      isac.element("h2", { textContent: made.name }),
      isac.element("dl", {}, ...made.facts.flatMap(([title, text]) => [isac.element("dt", { textContent: title }), isac.element("dd", { textContent: text })])),
      ...list("What is odd", made.remarks), ...list("Dropped or repaired", made.dropped), ...list("Assumed", made.assumed),
      isac.element("h2", { textContent: "Receivers" }), isac.table(made.receivers.columns, made.receivers.rows),
      ...(made.reported.length ? [isac.element("h2", { textContent: "Reported by packet" }), isac.table(["", "least", "median", "most"], made.reported)] : []),
      ...Object.entries(made.kinds).map(([kind, counts]) => isac.table([kind, "packets"], Object.entries(counts).map(([one, n]) => [one, String(n)]))),
      ...made.pictures.flatMap((picture) => [
        isac.element("h2", { textContent: picture.title }),
        isac.element("img", { alt: picture.title, src: `data:image/png;base64,${picture.png}` })]),
    );
    document.body.dataset.capture = name;
  };

  byId("store-form").addEventListener("submit", (event) => {
    event.preventDefault();
    isac.open.store(byId("store-name").value);
  });
  byId("capture-form").addEventListener("submit", (event) => {
    event.preventDefault();
    isac.open.file(byId("capture-name").value);
  });
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("previous").addEventListener("click", () => move(position - 1));
  byId("next").addEventListener("click", () => move(position + 1));
  byId("position").addEventListener("change", () => move(Number(byId("position").value) - 1));
  for (const id of ["class", "split", "snr-least", "snr-most"]) byId(id).addEventListener("change", () => move(0));
})();
