// Drives the HTML reports of a run and of plans in a real browser: filters, keyboard, playing, the large view, phone
// width, dark, and the accessibility rules of axe-core.
//
//   npm install --no-save playwright-core axe-core      (anywhere; set NODE_PATH if elsewhere)
//   cargo test --test report_page --test plan_page      (makes the pages)
//   node tests/html/look.mjs [PAGE] [FOLDER]
//
// PAGE defaults to the one that screenshot.sh makes; FOLDER takes pictures. Ends with
// a word and status 0 when Chromium or the packages are absent, with status 1 when a check
// fails.
import { createRequire } from "node:module";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { look_at_plans } from "./look_plan.mjs";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const page_path = resolve(process.argv[2] ?? join(root, "target/tmp/report-page/index.html"));
const shots = resolve(process.argv[3] ?? join(root, "target/tmp/report-shots"));
const browser_path = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
const skip = (why) => { console.log(`skipped: ${why}`); process.exit(0); };

if (!browser_path) skip("no Chromium on this machine");
if (!existsSync(page_path)) skip(`no page at ${page_path}; run tests/html/screenshot.sh`);
let chromium, axe;
try {
  // NODE_PATH is honoured by require, not by import.
  const require = createRequire(import.meta.url);
  ({ chromium } = require("playwright-core"));
  axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
} catch {
  skip("playwright-core or axe-core is not installed");
}
mkdirSync(shots, { recursive: true });

let failures = 0;
const check = (what, holds, seen) => {
  console.log(`${holds ? "ok  " : "FAIL"} ${what}${holds ? "" : `: ${JSON.stringify(seen)}`}`);
  if (!holds) failures += 1;
};
const profile = mkdtempSync(join(tmpdir(), "kinora-look-"));
const options = (more) => ({
  executablePath: browser_path,
  headless: true,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  ...more,
});

async function open(name, settings, path = page_path) {
  const context = await chromium.launchPersistentContext(join(profile, name), options(settings));
  const page = context.pages()[0] ?? await context.newPage();
  const said = [], asked = [];
  page.on("console", (m) => { if (m.type() === "error") said.push(m.text()); });
  page.on("pageerror", (e) => said.push(String(e)));
  page.on("request", (r) => { if (/^(https?|ws)/.test(r.url())) asked.push(r.url()); });
  await page.goto(pathToFileURL(path).href);
  await page.waitForTimeout(1200);
  return { context, page, said, asked };
}
const visible = (page) => page.locator(".card:visible").count();
async function axe_on(page, name) {
  // Cards out of view are not laid out; the rules need them all.
  await page.addStyleTag({ content: ".card { content-visibility: visible !important; }" });
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
  }));
  check(`${name}: no accessibility rule is broken`, found.violations.length === 0,
    found.violations.map((v) => [v.id, v.nodes.length, v.nodes[0].html.slice(0, 160), v.nodes[0].failureSummary]));
}

// Desk, light.
{
  const { context, page, said, asked } = await open("desk", { viewport: { width: 1280, height: 900 } });
  const all = await visible(page);
  check("every job has a card", all > 0, all);
  const playing = () => page.evaluate(() => [...document.querySelectorAll(".card video")].filter((v) => !v.paused && v.readyState >= 2).length);
  check("clips in view play", await playing() > 0, await playing());
  check("clips out of view are not loaded", await page.evaluate(() => [...document.querySelectorAll(".card video")].some((v) => !v.src)), "all loaded");

  await page.mouse.wheel(0, 100000);
  await page.waitForTimeout(700);
  check("clips that left the view are let go", await page.evaluate(() => [...document.querySelectorAll(".card video")]
    .every((v) => v.dataset.seen || !v.src)), "kept");
  await page.mouse.wheel(0, -100000);
  await page.waitForTimeout(700);

  const subject = await page.locator("#subject option").nth(1).getAttribute("value");
  await page.selectOption("#subject", subject);
  const of_subject = await visible(page);
  check("the subject filter keeps only its subject",
    of_subject > 0 && of_subject === await page.locator(`.card[data-subject="${subject}"]`).count(), of_subject);
  check("the count says so", (await page.textContent("#count")) === String(of_subject), await page.textContent("#count"));
  await page.click("#reset");
  check("clear brings all back", await visible(page) === all, await visible(page));

  const shot = await page.locator("#shot option").nth(1).getAttribute("value");
  await page.selectOption("#shot", shot);
  check("the shot filter keeps only its shot",
    await visible(page) === await page.locator(`.card[data-shot="${shot}"]`).count(), await visible(page));
  await page.click("#reset");

  const state = page.locator(".state").last();
  const name = await state.getAttribute("data-state");
  await state.focus();
  await page.keyboard.press("Enter");
  check("the state filter works by keyboard",
    await visible(page) === await page.locator(`.card[data-state="${name}"]`).count()
      && await state.getAttribute("aria-pressed") === "true", await visible(page));
  await page.click("#reset");

  await page.locator("h1").click();
  await page.keyboard.press("/");
  await page.keyboard.type("no clip says this");
  await page.waitForTimeout(250);
  check("the slash key leads to the search; no match is said", await page.locator("#empty").isVisible(), "hidden");
  await page.screenshot({ path: join(shots, "desk-empty.png") });
  await page.click("#again");
  check("and can be undone", await visible(page) === all, await visible(page));

  await page.click("#motion");
  await page.waitForTimeout(300);
  check("all clips can be paused", await playing() === 0, await playing());
  await page.click("#motion");
  await page.waitForTimeout(600);
  check("and played again", await playing() > 0, await playing());

  await page.locator(".open").first().focus();
  await page.keyboard.press("Enter");
  await page.waitForTimeout(700);
  check("a clip opens large and plays", await page.evaluate(() => {
    const film = document.querySelector("#large video");
    return document.querySelector("#large").open && film.readyState >= 2 && !film.paused;
  }), "not playing");
  await page.screenshot({ path: join(shots, "large.png") });
  const first = await page.textContent("#large .facts dd");
  await page.keyboard.press("ArrowRight");
  await page.waitForTimeout(300);
  check("the arrow key leads to the next", await page.textContent("#large .facts dd") !== first, first);
  await page.keyboard.press("Escape");
  check("Escape closes it and the focus returns to a clip",
    await page.evaluate(() => !document.querySelector("#large").open && document.activeElement.className === "open"),
    await page.evaluate(() => document.activeElement.outerHTML.slice(0, 80)));
  await page.locator("summary").nth(6).click();
  await page.screenshot({ path: join(shots, "desk-full.png"), fullPage: true });
  await axe_on(page, "light");
  check("the page asks nothing of any network", asked.length === 0, asked);
  check("the browser has nothing to complain of", said.length === 0, said);
  await context.close();
}
// Phone, dark.
{
  const { context, page, said } = await open("phone", {
    viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true, colorScheme: "dark",
  });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  check("nothing is wider than a phone", wide <= 390, wide);
  await page.screenshot({ path: join(shots, "phone-dark.png") });
  await page.locator(".open").first().click();
  await page.waitForTimeout(600);
  await page.screenshot({ path: join(shots, "phone-large.png") });
  await page.click("#close");
  await axe_on(page, "dark");
  check("the browser has nothing to complain of", said.length === 0, said);
  await context.close();
}
// Phone, light, and a person who wants stillness.
{
  const { context, page } = await open("still", {
    viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, reducedMotion: "reduce",
  });
  await page.waitForTimeout(500);
  const moving = await page.evaluate(() => [...document.querySelectorAll("video")].filter((v) => !v.paused).length);
  check("nothing moves for who wants stillness", moving === 0, moving);
  await page.screenshot({ path: join(shots, "phone.png") });
  await context.close();
}
await look_at_plans({ folder: join(root, "target/tmp/plan-page"), shots, open, check, axe_on });
rmSync(profile, { recursive: true, force: true });
console.log(failures ? `${failures} failed` : `all good; pictures in ${shots}`);
process.exit(failures ? 1 : 0);
