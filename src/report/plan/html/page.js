"use strict";
(() => {
  // A column's head becomes a button: numbers by their value, all else by its words. What has no
  // value comes last either way.
  const order = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const number = (text) => {
    const value = parseFloat(text.replaceAll(",", ""));
    return Number.isNaN(value) ? null : value;
  };
  function values(table, at) {
    return [...table.tBodies[0].rows].map((row) => {
      const cell = row.cells[at];
      const given = cell.dataset.v;
      const words = given ?? cell.textContent;
      return { row, words, value: cell.classList.contains("n") ? number(words) : words };
    });
  }
  function sort(table, head, down) {
    const all = values(table, head.cellIndex);
    const way = down ? -1 : 1;
    all.sort((a, b) => {
      if (a.value === null || b.value === null) return (a.value === null) - (b.value === null);
      const by = typeof a.value === "number" ? a.value - b.value : order.compare(a.words, b.words);
      return way * by;
    });
    table.tBodies[0].append(...all.map((one) => one.row));
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
  }
  for (const head of document.querySelectorAll("th[data-sort]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const now = head.getAttribute("aria-sort");
      const first = head.classList.contains("n");
      sort(head.closest("table"), head, now ? now === "ascending" : first);
    });
  }
  // Copying: the command is there to be marked by hand where a browser does not let us.
  for (const button of document.querySelectorAll("[data-copy]")) {
    const code = document.getElementById(button.dataset.copy);
    const said = button.parentElement.querySelector(".copied");
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(code.textContent);
        said.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(code);
        said.textContent = "Marked: copy it with your keyboard";
      }
      setTimeout(() => { said.textContent = ""; }, 4000);
    });
  }
})();
