// What all tabs share: questions to the server, errors, the mark of work in progress, tabs, tables, files.
"use strict";

const isac = { open: {} };

isac.byId = (id) => document.getElementById(id);

// Elements are made of texts, never of markup: names of files and scenarios are anybody's.
isac.element = (tag, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};

isac.ask = async (what, asked = {}) => {
  const answer = await fetch(`/api/${what}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Isacsim-Token": document.body.dataset.token },
    body: JSON.stringify(asked),
  }).catch(() => null);
  if (answer === null) throw new Error("isacsim explore does not answer; it may have been ended.");
  const content = await answer.json().catch(() => ({ error: `The server answered with status ${answer.status}.` }));
  if (!answer.ok) throw new Error(content.error);
  return content;
};

isac.failed = (error) => {
  const line = isac.byId("error");
  line.textContent = error === null ? "" : error.message;
  line.hidden = error === null;
};

// Shows after a moment, so that quick answers don't flicker, and says which stage is under way.
isac.busy = async (text, work) => {
  let over = false;
  const mark = isac.byId("busy");
  const tell = async () => {
    if (over) return;
    let stage = "";
    try {
      stage = (await isac.ask("stage")).stage;
    } catch (error) {
      stage = "";
    }
    if (over) return;
    isac.byId("busy-text").textContent = stage ? `${text}: ${stage}` : text;
    mark.hidden = false;
    setTimeout(tell, 250);
  };
  setTimeout(tell, 150);
  try {
    const made = await work();
    isac.failed(null);
    return made;
  } catch (error) {
    isac.failed(error);
    return null;
  } finally {
    over = true;
    mark.hidden = true;
  }
};

isac.show = (name) => {
  for (const tab of document.querySelectorAll("[role=tab]")) {
    const chosen = tab.id === `tab-${name}`;
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
    isac.byId(tab.getAttribute("aria-controls")).hidden = !chosen;
  }
  isac.failed(null);
  window.dispatchEvent(new Event("resize"));
};

isac.select = (select, values, chosen, named = (value) => String(value)) => {
  select.replaceChildren(
    ...values.map((value) =>
      isac.element("option", { value: String(value), textContent: named(value), selected: value === chosen })),
  );
};

isac.table = (columns, rows) => {
  const line = (tag, cells) => isac.element("tr", {}, ...cells.map((text) => isac.element(tag, { textContent: text })));
  const table = isac.element("table", {},
    isac.element("thead", {}, line("th", columns)), isac.element("tbody", {}, ...rows.map((row) => line("td", row))));
  return isac.element("div", { className: "scroll" }, table);
};

isac.number = (value, digits = 2) => (value === null || value === undefined ? "–" : value.toFixed(digits).replace("-", "−"));

isac.quantities = (paths) => {
  const columns = { path_length: "path length [m]", velocity: "velocity [m/s]", acceleration: "acceleration [m/s²]", jerk: "jerk [m/s³]", amplitude: "amplitude" };
  const there = Object.keys(columns).filter((name) => paths.some((path) => path[name] !== null && path[name] !== undefined));
  return isac.table(["", ...there.map((name) => columns[name])], paths.map((path, n) => [String(n + 1), ...there.map((name) => isac.number(path[name]))]));
};

isac.files = async (nav, folder) => {
  let listed;
  try {
    listed = await isac.ask("files", { folder });
  } catch (error) {
    isac.failed(error);
    return;
  }
  const kinds = { folder: "/", store: " (data set)", scenario: " (scenario)", file: "" };
  const line = (text, action) => {
    const button = isac.element("button", { type: "button", textContent: text });
    button.addEventListener("click", action);
    return isac.element("li", {}, button);
  };
  const size = (bytes) => (bytes === null ? "" : bytes < 1e6 ? `, ${Math.ceil(bytes / 1e3)} kB` : `, ${Math.ceil(bytes / 1e6)} MB`);
  const lines = listed.entries.map((entry) => line(`${entry.name}${kinds[entry.kind]}${size(entry.bytes)}`, () =>
    (entry.kind === "folder" ? isac.files(nav, entry.path) : isac.open[entry.kind](entry.path))));
  if (listed.above !== null) lines.unshift(line("..", () => isac.files(nav, listed.above)));
  if (listed.left_out > 0) lines.push(isac.element("li", { textContent: `and ${listed.left_out} more` }));
  nav.replaceChildren(isac.element("p", { className: "quiet", textContent: listed.folder || "this folder" }), isac.element("ul", {}, ...lines));
};

document.addEventListener("DOMContentLoaded", async () => {
  // The address that opened the page may be good for once only; a reload needs the token.
  history.replaceState(null, "", `/?token=${document.body.dataset.token}`);
  const tabs = [...document.querySelectorAll("[role=tab]")];
  tabs.forEach((tab, n) => {
    tab.addEventListener("click", () => isac.show(tab.id.slice(4)));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step === undefined) return;
      const next = tabs[(n + step + tabs.length) % tabs.length];
      next.focus();
      isac.show(next.id.slice(4));
    });
  });
  const start = await isac.busy("starting", () => isac.ask("start"));
  if (start === null) return;
  isac.byId("folder").textContent = `isacsim ${start.version}, folder ${start.folder}`;
  for (const nav of document.querySelectorAll(".files")) isac.files(nav, "");
  isac.show(start.tab);
  await isac.live(start);
  if (start.tab === "store") isac.open.store(start.given);
  if (start.tab === "capture") isac.open.file(start.given);
});
