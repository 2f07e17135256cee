"use strict";
(() => {
  const table = document.querySelector(".heat");
  const tip = document.getElementById("tip");
  const data = JSON.parse(document.getElementById("data").textContent);
  let current = null;

  function pad(text, width) {
    return text + " ".repeat(Math.max(0, width - [...text].length));
  }

  function describe(cell) {
    const [panel, row, position] = cell.dataset.at.split(" ").map(Number);
    const map = data.panels[panel];
    const place = data.numbered
      ? `layer ${map.layers[row]}, position ${position}, input ${data.tokens[position]}`
      : `${data.columns}: ${data.tokens[position]}, ${data.rows}: ${map.layers[row]}`;
    const lines = [
      place,
      `${map.title}: ${map.values[row][position]}`,
    ];
    const hover = data.hover[map.hover];
    const entries = hover ? hover[map.rows[row]][position] : [];
    if (entries.length > 0) {
      const widths = entries[0].map((_, c) =>
        Math.max(...entries.map((entry) => [...entry[c]].length)));
      lines.push("");
      for (const entry of entries) {
        lines.push(entry.map((text, c) => pad(text, widths[c])).join("  "));
      }
    }
    return lines.join("\n");
  }

  function show(cell) {
    if (current) current.classList.remove("on");
    current = cell;
    if (!cell) {
      tip.hidden = true;
      return;
    }
    cell.classList.add("on");
    tip.textContent = describe(cell);
    tip.hidden = false;
    const box = cell.getBoundingClientRect();
    const size = tip.getBoundingClientRect();
    const below = box.bottom + 8 + size.height <= innerHeight;
    const top = below ? box.bottom + 8 : Math.max(4, box.top - 8 - size.height);
    tip.style.top = `${top}px`;
    tip.style.left = `${Math.max(4, Math.min(box.left, innerWidth - size.width - 8))}px`;
  }

  table.addEventListener("mouseover", (event) => show(event.target.closest("td")));
  table.addEventListener("click", (event) => show(event.target.closest("td")));
  table.addEventListener("mouseleave", () => show(null));
  table.addEventListener("blur", () => show(null));
  table.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    const move = moves[event.key];
    if (event.key === "Escape") show(null);
    if (!move) return;
    event.preventDefault();
    const rows = [...table.querySelectorAll("tr")].filter((r) => r.querySelector("td"));
    const from = current ? rows.indexOf(current.parentElement) : 0;
    const column = current ? current.cellIndex - 1 : 0;
    const row = current ? Math.min(rows.length - 1, Math.max(0, from + move[0])) : 0;
    const cells = rows[row].querySelectorAll("td");
    const next = cells[current ? Math.min(cells.length - 1, Math.max(0, column + move[1])) : 0];
    next.scrollIntoView({ block: "nearest", inline: "nearest" });
    show(next);
  });
})();
