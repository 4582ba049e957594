// Comfort only: without it the page shows everything, unsorted.
"use strict";
(() => {
  const table = document.getElementById("scores");
  const body = table.tBodies[0];
  const pairs = [...body.rows].map((row, i) => [row, document.querySelectorAll(".sheet")[i]]);
  document.querySelectorAll(".tools").forEach((tools) => (tools.hidden = false));

  // Every word must occur in a submission's name, status, mistakes or lost questions.
  const filter = document.getElementById("filter");
  const show = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const [row, sheet] of pairs) {
      const fits = words.every((word) => row.dataset.k.includes(word));
      row.hidden = sheet.hidden = !fits;
      shown += fits;
    }
    document.getElementById("shown").textContent = words.length ? `${shown} of ${pairs.length}` : "";
  };
  filter.addEventListener("input", show);

  const value = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.v === undefined ? cell.textContent.trim() : Number(cell.dataset.v);
  };
  const compare = (a, b) => (typeof a === "number" ? a - b : a.localeCompare(b, undefined, { numeric: true }));
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...body.rows].sort((a, b) => compare(value(a, column), value(b, column)) * (down ? -1 : 1));
      body.append(...rows);
    });
  });

  const setOpen = (open) => pairs.forEach(([, sheet]) => { if (!sheet.hidden || !open) sheet.open = open; });
  document.getElementById("open").addEventListener("click", () => setOpen(true));
  document.getElementById("close").addEventListener("click", () => setOpen(false));

  // A link into something closed or filtered away opens it.
  const reveal = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (!target) return;
    const sheet = target.closest(".sheet");
    if (sheet && sheet.hidden) { filter.value = ""; show(); }
    for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    const inside = target.querySelector(":scope > details");
    if (inside) inside.open = true;
    target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  reveal();
})();
