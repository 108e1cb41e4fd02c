// What is seen of the page, and that the address says so: "#place&sort=column:order&columns=a,b".
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const address = () => {
    const [place, ...more] = location.hash.slice(1).split("&");
    return [decodeURIComponent(place), new URLSearchParams(more.join("&"))];
  };
  const write = (place, more = "") => history.replaceState(null, "", place ? `#${place}${more && "&" + more}` : location.pathname + location.search);

  // Tabs: of a dataset one panel is open, or none. The open one is the address; arrows go from tab to tab.
  const tabs = all("[role=tab]"), panelOf = (tab) => document.getElementById(tab.getAttribute("aria-controls"));
  const choose = (tab, open = true) => {
    for (const one of all("[role=tab]", tab.parentElement)) {
      const chosen = open && one === tab;
      one.setAttribute("aria-selected", String(chosen));
      one.tabIndex = one === tab ? 0 : -1;
      panelOf(one).classList.toggle("open", chosen);
    }
  };
  for (const tab of tabs) {
    tab.addEventListener("click", (event) => {
      const open = tab.getAttribute("aria-selected") !== "true";
      event.preventDefault();
      choose(tab, open);
      write(open ? panelOf(tab).id : "");
    });
    tab.addEventListener("keydown", (event) => {
      const row = all("[role=tab]", tab.parentElement), step = { ArrowLeft: -1, ArrowRight: 1, Home: -row.indexOf(tab), End: -1 - row.indexOf(tab) }[event.key];
      if (event.key === " ") tab.click();
      else if (step === undefined) return;
      else row.at((row.indexOf(tab) + step) % row.length).focus();
      event.preventDefault();
    });
  }
  const opens = all("[data-opens]");
  for (const section of opens) choose(document.getElementById(`${section.dataset.opens}--tab`));

  // A group of the first table that is folded to a line.
  const unfold = (control, open) => {
    control.setAttribute("aria-expanded", String(open));
    control.closest("tbody").classList.toggle("folded", !open);
  };
  for (const control of all(".unfold")) control.addEventListener("click", () => unfold(control, control.getAttribute("aria-expanded") === "false"));

  // The columns of a board.
  const boardOf = (control) => control.closest(".chooser").nextElementSibling.querySelector("table");
  const apply = (control) => all(`[data-column="${control.dataset.shows}"]`, boardOf(control)).forEach((cell) => cell.classList.toggle("extra", !control.checked));
  const chosen = (table) => all("[data-shows]", table.closest(".scroll").previousElementSibling).filter((c) => c.checked).map((c) => c.dataset.shows);
  const first = (root) => root.querySelector(".scroll table"); // the one whose state is in the address
  const keep = (table) => {
    const place = table.closest(".panel, #matrix");
    if (!place || place.matches(".panel:not(.open)") || first(place) !== table) return;
    const head = table.querySelector('th[aria-sort]:not([aria-sort="none"])'), more = new URLSearchParams();
    if (head) more.set("sort", `${head.dataset.column}:${head.getAttribute("aria-sort")}`);
    if (table.closest(".scroll").previousElementSibling?.matches(".chooser")) more.set("columns", chosen(table).join(","));
    write(place.id, decodeURIComponent(more));
  };
  for (const control of all("[data-shows]")) control.addEventListener("change", () => { apply(control); keep(boardOf(control)); });
  addEventListener("sorted", (event) => keep(event.target));
  const restore = (root, state) => {
    const table = first(root), [column, order] = (state.get("sort") ?? "").split(":");
    if (!table) return;
    if (state.has("columns")) for (const control of all("[data-shows]", table.closest(".scroll").previousElementSibling)) {
      control.checked = state.get("columns").split(",").includes(control.dataset.shows);
      apply(control);
    }
    const control = order && all("button[data-sorts]", table).find((button) => button.dataset.sorts === column);
    for (let i = 0; control && i < 2 && control.closest("th").getAttribute("aria-sort") !== order; i++) control.click();
  };

  // A link to something that is behind a tab, folded or not chosen opens the way to it.
  const reveal = () => {
    const [place, state] = address(), target = place && document.getElementById(place);
    if (!target) return;
    const panel = target.closest(".panel"), tab = panel && document.getElementById(panel.getAttribute("aria-labelledby"));
    if (tab) choose(tab);
    for (let box = target.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
    for (const box of target.matches(".dataset") ? all(":scope > details", target) : []) box.open = true;
    if (target.closest("tbody.folded")) unfold(target.closest("tbody").querySelector(".unfold"), true);
    restore(target, state);
    (target === panel ? tab : target).scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  addEventListener("DOMContentLoaded", reveal);

  // A how-to-read closes by Escape, and when something else is clicked.
  const close = (but) => all("details.how[open], details.chooser[open]").filter((fold) => !fold.contains(but)).forEach((fold) => { fold.open = false; });
  addEventListener("keydown", (event) => { if (event.key === "Escape") close(null); });
  addEventListener("click", (event) => close(event.target));

  // A table says at which sides it goes on.
  const edges = (box) => {
    box.classList.toggle("more-left", box.scrollLeft > 1);
    box.classList.toggle("more-right", box.scrollLeft + box.clientWidth < box.scrollWidth - 1);
  };
  const sizes = new ResizeObserver((seen) => seen.forEach((entry) => edges(entry.target)));
  for (const box of all(".scroll")) {
    sizes.observe(box);
    box.addEventListener("scroll", () => edges(box), { passive: true });
  }
})();
