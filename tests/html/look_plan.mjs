// What look.mjs checks of a plan's page: sorting by mouse and keyboard, copying, phone width,
// dark, without scripts, and the accessibility rules of axe-core.
import { existsSync } from "node:fs";
import { join } from "node:path";

/// Looks at every page of `folder`; `open`, `check` and `axe_on` are those of look.mjs.
export async function look_at_plans({ folder, shots, open, check, axe_on }) {
  const pages = ["index", "open", "nothing"].map((name) => [name, join(folder, `${name}.html`)]);
  for (const [name, path] of pages.filter(([, path]) => existsSync(path))) {
    await desk(name, path);
    await phone(name, path);
    await without_scripts(name, path);
  }

  async function desk(name, path) {
    const { context, page, said, asked } = await open(`plan-${name}`, { viewport: { width: 1280, height: 900 } }, path);
    const is = (what, holds, seen) => check(`plan ${name}: ${what}`, holds, seen);
    is("nothing is wider than the window", await page.evaluate(() => document.documentElement.scrollWidth) <= 1280);
    const column = (at) => page.evaluate((at) =>
      [...document.querySelectorAll("#priced-jobs tbody tr")].map((row) => row.cells[at].dataset.v ?? row.cells[at].textContent), at);
    if (await page.locator("#priced-jobs").count()) {
      const numbers = (await column(1)).map(Number);
      is("jobs come dearest first", numbers.every((n, i) => !i || numbers[i - 1] >= n), numbers.slice(0, 5));
      const head = page.locator("#priced-jobs th", { hasText: "expected" });
      await head.locator("button").focus();
      await page.keyboard.press("Enter");
      const again = (await column(1)).map(Number);
      is("the keyboard turns the order round", again.every((n, i) => !i || again[i - 1] <= n), again.slice(0, 5));
      is("the head says so", await head.getAttribute("aria-sort") === "ascending", await head.getAttribute("aria-sort"));
      await page.locator("#priced-jobs th button").first().click();
      const names = await page.evaluate(() => [...document.querySelectorAll("#priced-jobs tbody .address")].map((a) => a.textContent));
      is("jobs sort by name", names.every((n, i) => !i || names[i - 1] <= n), names.slice(0, 5));
      is("only one column is sorted by", await page.locator("#priced-jobs [aria-sort]").count() === 1);
      is("no row is lost", names.length === numbers.length, [names.length, numbers.length]);
    }
    if (await page.locator("[data-copy]").count()) {
      await context.grantPermissions(["clipboard-read", "clipboard-write"]).catch(() => {});
      await page.click("[data-copy]");
      await page.waitForTimeout(200);
      const word = await page.textContent(".copied");
      const marked = await page.evaluate(() => String(getSelection()));
      const command = await page.textContent("#command");
      is("the command can be copied, or is marked", word === "Copied" || marked === command, [word, marked]);
    }
    await page.screenshot({ path: join(shots, `plan-${name}.png`), fullPage: true });
    await axe_on(page, `plan ${name}, light`);
    is("it asks nothing of any network", asked.length === 0, asked);
    is("the browser has nothing to complain of", said.length === 0, said);
    await context.close();
  }

  async function phone(name, path) {
    const { context, page } = await open(`plan-${name}-phone`, {
      viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true, colorScheme: "dark",
    }, path);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    check(`plan ${name}: nothing is wider than a phone`, wide <= 390, wide);
    await axe_on(page, `plan ${name}, dark`);
    await page.screenshot({ path: join(shots, `plan-${name}-phone-dark.png`) });
    await context.close();
  }

  async function without_scripts(name, path) {
    const { context, page } = await open(`plan-${name}-still`, {
      viewport: { width: 390, height: 844 }, javaScriptEnabled: false,
    }, path);
    check(`plan ${name}: no button is there that does nothing`, await page.locator("button:visible").count() === 0);
    check(`plan ${name}: the verdict is read without scripts`, (await page.textContent("#verdict")).length > 10);
    await page.screenshot({ path: join(shots, `plan-${name}-phone.png`), fullPage: false });
    await context.close();
  }
}
