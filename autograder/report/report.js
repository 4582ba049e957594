// Comfort only: without it the page shows everything, unsorted. Of a large class it unpacks the explanations.
"use strict";
(() => {
  const table = document.getElementById("scores");
  const body = table.tBodies[0];
  const pairs = [...body.rows].map((row, i) => [row, document.querySelectorAll(".sheet")[i]]);
  document.querySelectorAll(".tools").forEach((tools) => (tools.hidden = false));

  // Every word must occur in a submission's name, status, points, mistakes or lost questions; 0/88 is not in 10/88.
  const filter = document.getElementById("filter");
  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const occurs = (word, text) => (/^[\d.]+\//.test(word) ? ` ${text}`.includes(` ${word}`) : text.includes(word));
  const show = () => {
    const words = plain(filter.value).split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const [row, sheet] of pairs) {
      const fits = words.every((word) => occurs(word, row.dataset.k));
      row.hidden = sheet.hidden = !fits;
      shown += fits;
    }
    document.getElementById("shown").textContent = words.length ? `${shown} of ${pairs.length}` : "";
  };
  filter.addEventListener("input", show);

  // Explanations of a large class: JSON, compressed, several in a chunk; each is put in its place when it is opened.
  const chunks = new Map();
  const unpack = (chunk) => {
    if (!chunks.has(chunk)) {
      const bytes = Uint8Array.from(atob(document.getElementById("chunk" + chunk).textContent), (c) => c.charCodeAt(0));
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
      chunks.set(chunk, new Response(stream).json());
    }
    return chunks.get(chunk);
  };
  const load = async (sheet) => {
    const body = sheet.querySelector(".body");
    const packed = body.dataset.chunk;
    if (!packed) return;
    const [chunk, place] = packed.split("/");
    const bodies = await unpack(chunk);
    if (body.dataset.chunk) { body.innerHTML = bodies[place]; delete body.dataset.chunk; }
  };
  for (const [, sheet] of pairs) sheet.addEventListener("toggle", () => { if (sheet.open) load(sheet); });
  // Of a large class, the list of those who made a mistake is made when it is opened, too.
  const links = (list) => {
    const labels = new Map(pairs.map(([row]) => row.cells[0].firstChild).map((a) => [a.hash.slice(1), a.textContent]));
    list.append(...list.dataset.places.trim().split(" ").map((place) => {
      const item = document.createElement("li");
      const link = document.createElement("a");
      link.href = "#" + place;
      link.append(document.createElement("bdi"));
      link.firstChild.textContent = labels.get(place.match(/^s\d+/)[0]);
      item.append(link);
      return item;
    }));
    delete list.dataset.places;
  };
  for (const list of document.querySelectorAll("[data-places]")) {
    list.parentElement.addEventListener("toggle", () => { if (list.dataset.places) links(list); });
  }

  const value = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.v === undefined ? cell.textContent.trim() : Number(cell.dataset.v);
  };
  const compare = (a, b) => (typeof a === "number" ? a - b : a.localeCompare(b, undefined, { numeric: true }));
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const rows = [...table.tBodies[0].rows];
        rows.sort((a, b) => compare(value(a, column), value(b, column)) * (down ? -1 : 1));
        table.tBodies[0].append(...rows);
      });
    });
  }

  const setOpen = (open) => pairs.forEach(([, sheet]) => { if (!sheet.hidden || !open) sheet.open = open; });
  document.getElementById("open").addEventListener("click", () => setOpen(true));
  document.getElementById("close").addEventListener("click", () => setOpen(false));

  // A link into something closed or filtered away opens it.
  const reveal = async () => {
    const anchor = location.hash.slice(1);
    const owner = document.getElementById((anchor.match(/^s\d+/) || [anchor])[0])?.closest(".sheet");
    if (owner) await load(owner);
    const target = document.getElementById(anchor);
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
