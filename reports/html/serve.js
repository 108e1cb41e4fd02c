// The served page: shows how far the runs are, and reloads itself when there is something new to see.
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const strip = document.getElementById("progress"), [status, bars] = strip.children, key = "ganbench-place";
  const home = (element) => element.closest("section[id], section[aria-labelledby]")?.getAttribute("aria-labelledby") ?? "";
  const told = (element) => element.id || element.dataset.group || element.getAttribute("aria-label") || element.dataset.label || element.dataset.shows || element.textContent;
  const named = (element) => `${element.tagName} ${home(element)} ${told(element)}`;

  // What the reader has opened, chosen, sorted, muted and scrolled to outlives the reload.
  const read = (control) => (control.type === "checkbox" ? String(control.checked) : control.value);
  const write = (control, value) => { if (control.type === "checkbox") control.checked = value === "true"; else control.value = value; };
  const folded = () => all("details:not(.how, .chooser)");
  const sorted = () => all('th:not([aria-sort="none"])[aria-sort] button').map((b) => [named(b.closest(".scroll")), b.dataset.sorts, b.closest("th").getAttribute("aria-sort")]);
  const keep = () => {
    const top = all("main [id]").find((element) => element.getBoundingClientRect().top >= 0 && element.offsetParent);
    sessionStorage.setItem(key, JSON.stringify({
      address: location.hash, opened: all('[role=tab][aria-selected="true"]').map((tab) => tab.id),
      folds: folded().map((fold) => [named(fold.querySelector("summary")), fold.open]),
      values: all("select, input").map((control) => [named(control), read(control)]),
      muted: all('.legend button[aria-pressed="false"]').map(named),
      sorted: sorted(),
      focus: document.activeElement === document.body ? null : named(document.activeElement),
      place: top && [top.id, top.getBoundingClientRect().top], y: scrollY,
    }));
  };
  const restore = () => {
    const kept = JSON.parse(sessionStorage.getItem(key) ?? "null");
    sessionStorage.removeItem(key);
    if (!kept) return;
    const folds = new Map(kept.folds), values = new Map(kept.values);
    for (const fold of folded()) fold.open = folds.get(named(fold.querySelector("summary"))) ?? fold.open;
    for (const control of all("select, input")) {
      const value = values.get(named(control)), before = read(control);
      if (value === undefined || value === before) continue;
      write(control, value);
      if (read(control) !== value) write(control, before); // what was chosen is gone
      else for (const event of ["input", "change"]) control.dispatchEvent(new Event(event, { bubbles: true }));
    }
    for (const control of all(".legend button")) if (kept.muted.includes(named(control))) control.click();
    for (const [table, column, order] of kept.sorted) {
      const scroll = all(".scroll").find((element) => named(element) === table);
      const control = scroll?.querySelector(`button[data-sorts="${CSS.escape(column)}"]`);
      for (let i = 0; control && i < 2 && control.closest("th").getAttribute("aria-sort") !== order; i++) control.click();
    }
    for (const id of kept.opened) document.querySelector(`#${CSS.escape(id)}[aria-selected="false"]`)?.click();
    history.replaceState(null, "", kept.address || location.pathname);
    if (kept.focus) all("a, button, select, input, summary, .scroll").find((element) => named(element) === kept.focus)?.focus({ preventScroll: true });
    const place = kept.place && document.getElementById(kept.place[0]);
    scrollTo(0, place ? place.getBoundingClientRect().top + scrollY - kept.place[1] : kept.y);
  };
  history.scrollRestoration = "manual";
  addEventListener("DOMContentLoaded", restore);

  // Nothing moves under a finger, an open list or a selection.
  let down = false;
  addEventListener("pointerdown", () => { down = true; });
  for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => { down = false; });
  const busy = () => down || document.activeElement.tagName === "SELECT" || !getSelection().isCollapsed;

  const say = (text) => { if (status.textContent !== text) status.textContent = text; };
  const ask = async () => {
    let wait = 1000;
    if (document.hidden) { addEventListener("visibilitychange", ask, { once: true }); return; } // nobody looks: nothing is rendered
    try {
      const answer = await fetch("state"), { version, sentence, bars: shown } = await answer.json();
      if (version !== strip.dataset.version && !busy()) { keep(); location.reload(); return; }
      say(sentence);
      if (bars.innerHTML !== shown) bars.innerHTML = shown; // escaped by the server
    } catch {
      say("The server has ended: this page is as it was then.");
      bars.replaceChildren();
      wait = 5000;
    }
    setTimeout(ask, wait);
  };
  setTimeout(ask, 1000);
})();
