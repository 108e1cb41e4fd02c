"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // Theme: the system's, until the reader chooses. Some browsers refuse storage to file:// pages; the choice then lasts for the visit.
  const root = document.documentElement, button = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const show = () => { button.textContent = dark() ? "Light theme" : "Dark theme"; all(".plot.drawn:not([data-still])").forEach(tint); };
  const colours = () => {
    const style = getComputedStyle(root), value = (name) => style.getPropertyValue(name).trim();
    return {
      "font.color": value("--muted"), "hoverlabel.bgcolor": value("--raised"),
      "hoverlabel.bordercolor": value("--line"), "hoverlabel.font.color": value("--ink"),
    };
  };
  const tint = (plot) => plot.data && Plotly.relayout(plot, colours());
  try { root.dataset.theme = localStorage.getItem("ganbench-theme") || ""; } catch { /* no storage */ }
  button.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    try { localStorage.setItem("ganbench-theme", root.dataset.theme); } catch { /* no storage */ }
    show();
  });
  system.addEventListener("change", show);

  // Sorting: a header's button orders the rows of each table body by data-value; what has no value stays at the end.
  const value = (row, column) => row.querySelector(`[data-column="${column}"]`)?.dataset.value;
  const compare = (a, b, sign) => {
    if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
    const x = Number(a), y = Number(b);
    return sign * (Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x - y);
  };
  const sort = (control) => {
    const head = control.closest("th"), table = head.closest("table"), column = control.dataset.sorts;
    const first = control.dataset.first, other = first === "ascending" ? "descending" : "ascending";
    const order = head.getAttribute("aria-sort") === first ? other : first;
    all("th[aria-sort]", table).forEach((th) => th.setAttribute("aria-sort", "none"));
    head.setAttribute("aria-sort", order);
    for (const body of table.tBodies) {
      const rows = all("tr.row", body);
      rows.sort((a, b) => compare(value(a, column), value(b, column), order === "ascending" ? 1 : -1));
      body.append(...rows);
    }
    table.dispatchEvent(new Event("sorted", { bubbles: true }));
  };
  all("button[data-sorts]").forEach((control) => control.addEventListener("click", () => sort(control)));

  // Plotly is unpacked, or where pages share it fetched, when the first figure needs it.
  const run = (script, from) => new Promise((done, failed) => {
    script.addEventListener("load", done);
    script.addEventListener("error", failed);
    Object.assign(script, from);
    document.head.append(script);
    if (!script.src) done();
  });
  const unpacked = async (text) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  };
  let library;
  const plotly = () => (library ??= (async () => {
    const { dataset, textContent } = document.getElementById("plotly");
    await run(document.createElement("script"), dataset.address ? { src: dataset.address } : { text: await unpacked(textContent) });
  })());

  // Places in steps from the middle of a window, as compact.py writes them; what is no number interrupts a line.
  const spread = (key, value) => {
    if (typeof value?.steps !== "string") return value;
    const steps = new Int16Array(Uint8Array.from(atob(value.steps), (letter) => letter.charCodeAt(0)).buffer);
    return Float32Array.from(steps, (step) => (step === -32768 ? NaN : value.middle + step * value.step));
  };

  // Figures are drawn when they come near the window: a page of hundreds opens at once.
  const draw = async (plot) => {
    if (plot.classList.contains("drawn")) return;
    plot.classList.add("drawn");
    await plotly();
    const { data, layout, frames } = JSON.parse(document.getElementById(plot.dataset.figure).textContent, spread);
    const still = plot.hasAttribute("data-still");
    const { "font.color": ink, ...hover } = colours();
    layout.font.color = ink;
    layout.hoverlabel = { bgcolor: hover["hoverlabel.bgcolor"], bordercolor: hover["hoverlabel.bordercolor"], font: { color: hover["hoverlabel.font.color"] } };
    layout.showlegend = false; // the page has one legend per dataset
    if (still) delete layout.height;
    else if (layout.height) plot.style.height = `${layout.height}px`; // which Plotly makes 100 % of when the window changes
    Plotly.newPlot(plot, data, layout, {
      responsive: true, staticPlot: still, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
      showSendToCloud: false, // nothing leaves this page
    }).then(() => {
      if (!still) plot.setAttribute("role", "group"); // it has buttons now: more than one picture
      hide(plot);
      turned(plot, frames);
    });
  };
  const watcher = new IntersectionObserver((seen) => seen.forEach((entry) => {
    if (entry.isIntersecting) { watcher.unobserve(entry.target); draw(entry.target); }
  }), { rootMargin: "600px" });

  // One legend per dataset: a button per label, for all its figures.
  const muted = (section) => new Set(all('.legend button[aria-pressed="false"]', section).map((b) => b.dataset.label));
  const hide = (plot) => {
    if (plot.hasAttribute("data-still") || !plot.data?.length) return;
    const gone = muted(plot.closest(".dataset"));
    Plotly.restyle(plot, { visible: plot.data.map((trace) => !gone.has(trace.meta)) });
  };
  all(".legend button").forEach((control) => control.addEventListener("click", () => {
    control.setAttribute("aria-pressed", String(control.getAttribute("aria-pressed") === "false"));
    all(".plot.drawn", control.closest(".dataset")).forEach(hide);
  }));

  // A select shows one figure of its group.
  all("select[data-group]").forEach((choice) => choice.addEventListener("change", () => {
    all(`figure[data-group="${choice.dataset.group}"]`).forEach((figure) => { figure.hidden = figure.id !== choice.value; });
  }));

  // A gallery's slider turns all its samples to the same share of their budgets: images on a film, figures to a frame.
  const films = new WeakMap(); // figure -> its frames
  const turn = (card) => {
    const reel = card.closest(".exhibits").querySelector(".slider input"), stops = JSON.parse(card.dataset.stops);
    const at = Math.round((reel.value / reel.max) * (stops.length - 1)), plot = card.querySelector(".plot");
    card.querySelector(".stop").textContent = stops[at];
    card.querySelector(".film")?.style.setProperty("--at", at);
    if (!films.has(plot)) return;
    const { data: [{ x, y }], layout, traces } = films.get(plot)[at];
    Plotly.update(plot, { x: [x], y: [y] }, layout, traces);
  };
  const turned = (plot, frames) => {
    if (!frames?.length) return;
    films.set(plot, frames);
    turn(plot.closest("[data-stops]"));
  };
  all(".slider input").forEach((reel) => reel.addEventListener("input", () => {
    const said = JSON.parse(reel.dataset.said)[reel.value];
    reel.setAttribute("aria-valuetext", said);
    reel.parentElement.querySelector(".said").textContent = said;
    all("[data-stops]", reel.closest(".exhibits")).forEach(turn);
  }));

  // A select shows the runs of one seed, or of all.
  all("select[data-seeds]").forEach((choice) => choice.addEventListener("change", () => {
    all("[data-seed]", choice.closest(".exhibits")).forEach((card) => {
      card.hidden = choice.value !== "" && card.dataset.seed !== choice.value;
    });
  }));

  // A print has every figure of what is open.
  addEventListener("beforeprint", () => all(".plot").filter((plot) => plot.checkVisibility()).forEach(draw));
  addEventListener("DOMContentLoaded", () => { show(); all(".plot").forEach((plot) => watcher.observe(plot)); });
})();
