// Tables that are sorted by a click on the head of a column, and long ones searched by a word. Without it they stand as they were written.

// What a cell is sorted by: its first number, else its text; a dash comes last.
function rank(cell) {
  const text = cell?.textContent.trim().replaceAll("−", "-").replace(/(\d),(?=\d{3})/g, "$1") ?? "", number = /^[<>~≈]?\s*([-+]?\d+\.?\d*(?:e[-+]?\d+)?)/i.exec(text);
  return text === "–" || text === "" ? [2, 0, ""] : number ? [0, Number(number[1]), text] : [1, 0, text.toLowerCase()];
}

const before = (a, b) => a[0] - b[0] || a[1] - b[1] || (a[2] < b[2] ? -1 : a[2] > b[2] ? 1 : 0);

function sortBy(table, column, down) {
  const rows = [...table.tBodies[0].rows].map((row) => [rank(row.cells[column]), row]), last = (key) => key[0] === 2;
  rows.sort(([a], [b]) => (last(a) || last(b) ? before(a, b) : (down ? -1 : 1) * before(a, b)));
  table.tBodies[0].append(...rows.map(([, row]) => row));
}

for (const table of document.querySelectorAll("main > .wide table, main > div > .wide table, details .wide table")) {
  const body = table.tBodies[0];
  if (!body || body.rows.length < 3 || table.closest("#forecast-box") || !table.tHead?.textContent.trim()) continue;
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.title = "sort by this column";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      sortBy(table, column, down);
    });
  });
  if (body.rows.length < 20) continue;
  const label = document.createElement("label"), input = document.createElement("input"), count = document.createElement("span");
  label.className = "search";
  input.type = "search";
  label.append(`${body.rows.length} rows, with the words `, input, " ", count);
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of body.rows) row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word));
    count.textContent = words.length ? `${[...body.rows].filter((row) => !row.hidden).length} shown` : "";
  });
  table.closest(".wide").before(label);
}
