"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const cards = [...document.querySelectorAll(".card")];
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let paused = still.matches;

  // Clips: a data block becomes an address the first time its card is seen.
  const addresses = new Map();
  function addressOf(video) {
    if (video.dataset.link) return video.dataset.link;
    const id = video.dataset.clip;
    if (!addresses.has(id)) {
      const block = $(id);
      if (!block) return "";
      const bytes = Uint8Array.from(atob(block.textContent), (c) => c.charCodeAt(0));
      addresses.set(id, URL.createObjectURL(new Blob([bytes], { type: "video/mp4" })));
      block.remove();
    }
    return addresses.get(id);
  }
  function load(video) {
    if (!video.src) video.src = addressOf(video);
  }
  function play(video) {
    load(video);
    video.play().catch(() => {});
  }
  // A browser keeps a decoder for each clip that it holds, and has not many of them.
  function rest(video) {
    if (!video.src) return;
    video.pause();
    video.removeAttribute("src");
    video.load();
  }
  const seen = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      target.dataset.seen = isIntersecting ? "1" : "";
      if (!isIntersecting) rest(target);
      else if (paused) { if (!target.poster) { target.preload = "metadata"; load(target); } }
      else play(target);
    }
  }, { rootMargin: "120px" });
  for (const card of cards) {
    const video = card.querySelector("video");
    if (!video) continue;
    seen.observe(video);
    // Whoever asked for stillness still sees a clip move when pointing at it or reaching it.
    const stage = card.querySelector(".stage");
    const leave = () => { if (paused) video.pause(); };
    stage.addEventListener("pointerenter", () => { if (!still.matches) play(video); });
    stage.addEventListener("pointerleave", leave);
    stage.addEventListener("focusin", () => { if (!still.matches) play(video); });
    stage.addEventListener("focusout", leave);
  }
  const motion = $("motion");
  function sayMotion() {
    if (!motion) return;
    motion.setAttribute("aria-pressed", String(paused));
    motion.textContent = paused ? "Play all" : "Pause all";
  }
  function move() {
    for (const video of document.querySelectorAll(".card video")) {
      if (paused) video.pause();
      else if (video.dataset.seen) play(video);
    }
    sayMotion();
  }
  motion?.addEventListener("click", () => { paused = !paused; move(); });
  still.addEventListener("change", () => { paused = still.matches; move(); });
  sayMotion();

  // Filters. What a card says is searched as it reads, letters without regard to case.
  const bar = document.querySelector(".bar");
  if (bar) {
    const words = $("words"), subject = $("subject"), shot = $("shot");
    const states = [...bar.querySelectorAll(".state[data-state]")];
    const verdicts = [...bar.querySelectorAll(".state[data-verdict]")];
    const pressed = (buttons, key) =>
      new Set(buttons.filter((b) => b.getAttribute("aria-pressed") === "true").map((b) => b.dataset[key]));
    const rows = [...document.querySelectorAll(".row")];
    const spokenRows = rows.map((r) => r.textContent.toLowerCase());
    const passing = document.querySelector(".passing");
    const count = $("count"), empty = $("empty"), reset = $("reset");
    const spoken = cards.map((c) => c.textContent.toLowerCase());
    function filter() {
      const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
      const on = pressed(states, "state"), judged = pressed(verdicts, "verdict");
      const any = Boolean(wanted.length || subject.value || shot.value || on.size || judged.size);
      const fits = (d, text) => (!subject.value || d.subject === subject.value)
        && (!shot.value || d.shot === shot.value)
        && (!on.size || on.has(d.state))
        && (!judged.size || judged.has(d.verdict))
        && wanted.every((w) => text.includes(w));
      let shown = 0;
      cards.forEach((card, i) => {
        card.hidden = !fits(card.dataset, spoken[i]);
        if (!card.hidden) shown += 1;
      });
      rows.forEach((row, i) => { row.hidden = !fits(row.dataset, spokenRows[i]); });
      if (passing) {
        // What was asked for is not left folded.
        const found = passing.querySelector(".row:not([hidden])") !== null;
        passing.hidden = !found;
        if (any && found) passing.open = true;
      }
      count.textContent = shown.toLocaleString("en");
      empty.hidden = shown > 0;
      reset.hidden = !any;
    }
    function clear() {
      words.value = ""; subject.value = ""; shot.value = "";
      [...states, ...verdicts].forEach((b) => b.setAttribute("aria-pressed", "false"));
      filter();
      words.focus();
    }
    let waiting;
    words.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(filter, 80); });
    subject.addEventListener("change", filter);
    shot.addEventListener("change", filter);
    [...states, ...verdicts].forEach((b) => b.addEventListener("click", () => {
      b.setAttribute("aria-pressed", String(b.getAttribute("aria-pressed") !== "true"));
      filter();
    }));
    bar.addEventListener("submit", (e) => e.preventDefault());
    reset.addEventListener("click", (e) => { e.preventDefault(); clear(); });
    $("again")?.addEventListener("click", clear);
    document.addEventListener("keydown", (e) => {
      const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
      if (e.key === "/" && !typing && !large.open && !$("beside").open) { e.preventDefault(); words.focus(); }
    });
    // A browser may bring back what was typed before a reload.
    filter();
  }

  // A clip by itself, large, with all that is known of it.
  const large = $("large");
  const film = large.querySelector("video");
  let from = null;
  function fill(card) {
    const small = card.querySelector("video");
    from = card;
    film.src = addressOf(small);
    film.poster = small.poster;
    $("large-name").textContent = card.querySelector("h2").textContent;
    large.querySelector(".which").textContent = card.querySelector(".which").textContent;
    large.querySelector(".prompt").textContent = card.querySelector(".prompt").textContent;
    large.querySelector(".facts").replaceChildren(...card.querySelector(".facts").cloneNode(true).childNodes);
    if (!still.matches) film.play().catch(() => {});
  }
  function step(by) {
    const open = cards.filter((c) => !c.hidden && c.querySelector(".open"));
    const next = open[open.indexOf(from) + by];
    if (next) fill(next);
  }
  let opener = null;
  function show(card, by) {
    opener = by ?? null;
    large.showModal();
    fill(card);
  }
  for (const card of cards) card.querySelector(".open")?.addEventListener("click", () => show(card));
  // From a row to its clip; without a card that shows one, the link goes to the card.
  for (const link of document.querySelectorAll("a[data-card]")) {
    link.addEventListener("click", (e) => {
      const card = $(link.dataset.card);
      if (!card?.querySelector(".open")) return;
      e.preventDefault();
      show(card, link);
    });
  }
  // What a verdict rests on, as large as there is room.
  const beside = $("beside");
  const picture = beside.querySelector("img");
  for (const small of document.querySelectorAll("button.shown")) {
    small.addEventListener("click", () => {
      const img = small.querySelector("img");
      picture.src = img.src;
      picture.alt = img.alt;
      beside.showModal();
    });
  }
  beside.querySelector("button").addEventListener("click", () => beside.close());
  beside.addEventListener("click", (e) => { if (e.target === beside) beside.close(); });
  $("close").addEventListener("click", () => large.close());
  large.addEventListener("click", (e) => { if (e.target === large) large.close(); });
  large.addEventListener("close", () => {
    film.pause();
    film.removeAttribute("src");
    (opener ?? from?.querySelector(".open"))?.focus();
  });
  large.addEventListener("keydown", (e) => {
    if (e.target === film) return;
    if (e.key === "ArrowRight") step(1);
    if (e.key === "ArrowLeft") step(-1);
  });
})();
