// Looks at pages as a person would: look.mjs CHROMIUM FOLDER < [{name, url}]
// Each in light, in dark, and on a phone; a screenshot of each, what axe finds, what went wrong.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const [executablePath, folder] = process.argv.slice(2);
const pages = JSON.parse(readFileSync(0, "utf-8"));
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf-8");
const IS_LONG = process.env.DCR_TEST_LONG === "1";
// The others in the long run alone.
const LOOKS = [
  { look: "light", colorScheme: "light", viewport: { width: 1440, height: 900 } },
  { look: "dark", colorScheme: "dark", viewport: { width: 1440, height: 900 } },
  { look: "phone", colorScheme: "light", viewport: { width: 390, height: 844 } },
].slice(0, IS_LONG ? 3 : 1);
// What colours and sizes have no part in is looked at once.
const only = (...values) => ({ runOnly: { type: "rule", values } });
const RULES = { light: {}, dark: only("color-contrast"), phone: only("target-size", "meta-viewport") };

const browser = await chromium.launch({
  executablePath,
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
  ],
});
const seen = [];
for (const { look, ...options } of LOOKS) {
  const context = await browser.newContext({ ...options, reducedMotion: "reduce" });
  for (const { name, url } of pages) seen.push(await visit(context, name, look, url));
  await context.close();
}
await browser.close();
console.log(JSON.stringify(seen));

async function visit(context, name, look, url) {
  const page = await context.newPage();
  const requests = [], problems = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  page.on("pageerror", (error) => problems.push(String(error)));
  const answer = await page.goto(url, { waitUntil: "load" });
  const title = await page.title();
  const facts = await page.evaluate(() => ({
    background: getComputedStyle(document.body).backgroundColor,
    overflows: document.documentElement.scrollWidth > innerWidth,
    deadLinks: [...document.querySelectorAll('a[href^="#"]')]
      .map((link) => link.getAttribute("href").slice(1))
      .filter((id) => !document.getElementById(id)),
  }));
  await page.keyboard.press("Tab");
  const first = await page.evaluate(() => document.activeElement.textContent);
  await page.evaluate(() => document.activeElement.blur());
  await page.screenshot({ path: `${folder}/${name}-${look}.png` });
  // Also what is folded away: all of it in the long run, else some, without the rest, which is built
  // alike: of all of it axe takes a quarter of a minute.
  await page.evaluate((most) => {
    [...document.querySelectorAll("section")].slice(2 * most).forEach((each) => each.remove());
    const folded = [...document.querySelectorAll("details")];
    folded.slice(most).forEach((each) => each.remove());
    folded.slice(0, most).forEach((each) => {
      each.removeAttribute("name");
      each.open = true;
    });
  }, IS_LONG ? Infinity : 12);
  // By the debugger, which our content security policy does not bind.
  await page.evaluate(axe);
  const found = await page.evaluate((rules) => globalThis.axe.run(rules), RULES[look]);
  const violations = found.violations.map(({ id, impact, nodes }) => ({
    id, impact, where: nodes.slice(0, 3).map((node) => node.html),
  }));
  await page.close();
  const passed = found.passes.length;
  return {
    name, look, status: answer.status(), title, first, requests, problems, violations, passed, ...facts,
  };
}
