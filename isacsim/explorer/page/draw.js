// Pictures on a canvas: a map of values with axes, units, a colour bar, marks and lines.
"use strict";

// matplotlib's viridis at eleven places (CC0).
const VIRIDIS = ["440154", "482475", "414487", "355f8d", "2a788e", "21918c", "22a884", "44bf70", "7ad151", "bddf26", "fde725"]
  .map((hex) => [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)));

isac.floats = (packed) => {
  const bytes = Uint8Array.from(atob(packed.data), (letter) => letter.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
};

const colour = (share) => {
  const at = Math.min(Math.max(share, 0), 1) * (VIRIDIS.length - 1);
  const low = Math.min(Math.floor(at), VIRIDIS.length - 2);
  return VIRIDIS[low].map((value, i) => Math.round(value + (at - low) * (VIRIDIS[low + 1][i] - value)));
};

const ticks = (low, high, most) => {
  const rough = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const made = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + 1e-9 * step; n++) made.push([n * step, isac.number(n * step, digits)]);
  return made;
};

const edges = (axis) => {
  const half = axis.length > 1 ? (axis[axis.length - 1] - axis[0]) / (axis.length - 1) / 2 : 0.5;
  return [axis[0] - half, axis[axis.length - 1] + half];
};

// map: x and y (ascending), value(i, j) in 0..1 over them, xLabel, yLabel, barLabel, bar ([share, text]), title;
// marks: x, y, kind (circle, diamond, cross), text; lines: points ([x, y]), kind (truth, path).
isac.draw = (canvas, map, marks = [], lines = []) => {
  canvas.redraw = () => isac.draw(canvas, map, marks, lines);
  const ratio = window.devicePixelRatio || 1;
  const wide = canvas.clientWidth, high = canvas.clientHeight;
  if (wide === 0 || high === 0) return; // in a tab that is not shown
  canvas.width = Math.round(wide * ratio);
  canvas.height = Math.round(high * ratio);
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, wide, high);
  const ink = getComputedStyle(document.documentElement).getPropertyValue("--grid").trim();
  const box = { left: 52, top: 24, right: wide - 74, bottom: high - 42 };
  const [x0, x1] = edges(map.x), [y0, y1] = edges(map.y);
  const toX = (x) => box.left + ((x - x0) / (x1 - x0)) * (box.right - box.left);
  const toY = (y) => box.bottom - ((y - y0) / (y1 - y0)) * (box.bottom - box.top);

  const small = new OffscreenCanvas(map.x.length, map.y.length);
  const image = new ImageData(map.x.length, map.y.length);
  for (let j = 0; j < map.y.length; j++) {
    for (let i = 0; i < map.x.length; i++) {
      const place = 4 * ((map.y.length - 1 - j) * map.x.length + i);
      image.data.set([...colour(map.value(i, j)), 255], place);
    }
  }
  small.getContext("2d").putImageData(image, 0, 0);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(small, box.left, box.top, box.right - box.left, box.bottom - box.top);

  pen.save();
  pen.beginPath();
  pen.rect(box.left, box.top, box.right - box.left, box.bottom - box.top);
  pen.clip();
  for (const line of lines) {
    pen.beginPath();
    line.points.forEach(([x, y], n) => (n ? pen.lineTo(toX(x), toY(y)) : pen.moveTo(toX(x), toY(y))));
    pen.setLineDash(line.kind === "truth" ? [5, 4] : []);
    pen.strokeStyle = line.kind === "truth" ? "#ffffff" : "#ff6b6b";
    pen.lineWidth = line.kind === "truth" ? 1.6 : 1.2;
    pen.stroke();
    if (line.text) label(pen, line.text, toX(line.points[0][0]) + 4, toY(line.points[0][1]) - 6);
  }
  pen.setLineDash([]);
  for (const mark of marks) {
    const x = toX(mark.x), y = toY(mark.y);
    pen.beginPath();
    if (mark.kind === "circle") pen.arc(x, y, 7, 0, 2 * Math.PI);
    if (mark.kind === "diamond") [[0, -11], [11, 0], [0, 11], [-11, 0], [0, -11]].forEach(([u, v], n) => (n ? pen.lineTo(x + u, y + v) : pen.moveTo(x + u, y + v)));
    if (mark.kind === "cross") [[-5, -5, 5, 5], [-5, 5, 5, -5]].forEach(([a, b, c, d]) => { pen.moveTo(x + a, y + b); pen.lineTo(x + c, y + d); });
    pen.lineWidth = 3.4;
    pen.strokeStyle = "#00000088";
    pen.stroke();
    pen.lineWidth = 1.7;
    pen.strokeStyle = { circle: "#ffffff", diamond: "#ffb347", cross: "#ff6b6b" }[mark.kind];
    pen.stroke();
    if (mark.text) label(pen, mark.text, x + 10, y - 6);
  }
  pen.restore();

  pen.font = "12px system-ui, sans-serif";
  pen.fillStyle = pen.strokeStyle = ink;
  pen.lineWidth = 1;
  pen.strokeRect(box.left - 0.5, box.top - 0.5, box.right - box.left + 1, box.bottom - box.top + 1);
  pen.textAlign = "center";
  pen.textBaseline = "top";
  for (const [value, text] of ticks(x0, x1, 6)) {
    pen.fillRect(toX(value) - 0.5, box.bottom, 1, 5);
    pen.fillText(text, toX(value), box.bottom + 7);
  }
  pen.fillText(map.xLabel, (box.left + box.right) / 2, box.bottom + 24);
  pen.textBaseline = "alphabetic";
  pen.font = "600 13px system-ui, sans-serif";
  pen.fillText(map.title, (box.left + box.right) / 2, box.top - 8);
  pen.font = "12px system-ui, sans-serif";
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  for (const [value, text] of ticks(y0, y1, 6)) {
    pen.fillRect(box.left - 5, toY(value) - 0.5, 5, 1);
    pen.fillText(text, box.left - 7, toY(value));
  }
  upright(pen, map.yLabel, 12, (box.top + box.bottom) / 2);

  const bar = { left: box.right + 12, width: 12 };
  for (let y = box.top; y < box.bottom; y++) {
    pen.fillStyle = `rgb(${colour((box.bottom - y) / (box.bottom - box.top)).join(",")})`;
    pen.fillRect(bar.left, y, bar.width, 1.5);
  }
  pen.fillStyle = ink;
  pen.strokeRect(bar.left - 0.5, box.top - 0.5, bar.width + 1, box.bottom - box.top + 1);
  pen.textAlign = "left";
  for (const [share, text] of map.bar) {
    const y = box.bottom - share * (box.bottom - box.top);
    pen.fillRect(bar.left + bar.width, y - 0.5, 4, 1);
    pen.fillText(text, bar.left + bar.width + 6, y);
  }
  upright(pen, map.barLabel, wide - 8, (box.top + box.bottom) / 2);
};

const upright = (pen, text, x, y) => {
  pen.save();
  pen.translate(x, y);
  pen.rotate(-Math.PI / 2);
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(text, 0, 0);
  pen.restore();
};

const label = (pen, text, x, y) => {
  pen.font = "600 12px system-ui, sans-serif";
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  pen.lineWidth = 3;
  pen.strokeStyle = "#000000aa";
  pen.strokeText(text, x, y);
  pen.fillStyle = "#ffffff";
  pen.fillText(text, x, y);
};

// P goes with the fourth power of a path's amplitude, so its fourth root is drawn.
isac.drawSpectrum = (canvas, title, packed, acceleration, jerk, marks) => {
  const values = isac.floats(packed);
  const top = values.reduce((most, value) => Math.max(most, value), 0);
  isac.draw(canvas, {
    title, x: acceleration, y: jerk, xLabel: "path acceleration [m/s²]", yLabel: "path jerk [m/s³]",
    value: (i, j) => (top > 0 ? (values[i * jerk.length + j] / top) ** 0.25 : 0),
    barLabel: "(P / max)^0.25", bar: [0, 0.25, 0.5, 0.75, 1].map((share) => [share, String(share)]),
  }, marks);
  canvas.setAttribute("aria-label", `${title}: acceleration ${acceleration[0]} to ${acceleration.at(-1)} m/s², jerk ${jerk[0]} to ${jerk.at(-1)} m/s³, ${marks.length} marks`);
};

isac.drawDoppler = (canvas, doppler, lines) => {
  const values = isac.floats(doppler.values);
  const columns = doppler.time.length, rows = doppler.velocity.length, floor = -30;
  const falls = doppler.velocity[0] > doppler.velocity[rows - 1];
  const top = values.reduce((most, value) => Math.max(most, value), 0);
  isac.draw(canvas, {
    title: "Doppler spectrogram", x: doppler.time, y: falls ? [...doppler.velocity].reverse() : doppler.velocity,
    xLabel: "time from the window's centre [s]", yLabel: "path velocity [m/s]",
    value: (i, j) => {
      const power = values[(falls ? rows - 1 - j : j) * columns + i];
      return top > 0 && power > 0 ? 1 - (10 * Math.log10(power / top)) / floor : 0;
    },
    barLabel: "power [dB]", bar: [-30, -20, -10, 0].map((db) => [1 - db / floor, isac.number(db, 0)]),
  }, [], lines);
  canvas.setAttribute("aria-label", `Doppler spectrogram: ${isac.number(doppler.time[0])} to ${isac.number(doppler.time.at(-1))} s, ${lines.length} lines`);
};

// Velocity over time of a path whose length is a cubic.
isac.speedLine = (path, time, kind, text = "") => ({
  kind, text, points: time.map((t) => [t, path.velocity + path.acceleration * t + (path.jerk * t * t) / 2]),
});

const redraw = () => document.querySelectorAll("canvas").forEach((canvas) => canvas.redraw && canvas.redraw());
window.addEventListener("resize", redraw);
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
