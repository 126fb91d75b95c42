// A browser, and tests in it: each in a context of its own, failed by whatever the console complains about.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { onPath, root } from '../../scripts/lib/addon.mjs';
import { check } from '../../scripts/lib/tally.mjs';

/** What is seen goes here: a picture of each page, and of each page that failed. */
export const PICTURES = join(root, 'build/browser');
export const WIDE = { width: 1280, height: 900 };
export const NARROW = { width: 390, height: 844 };

const QUIET =
  '--no-first-run --disable-gpu --disable-quic --disable-background-networking --disable-component-update --disable-sync';

export function launch() {
  mkdirSync(PICTURES, { recursive: true });
  // As root, as in most containers, Chromium runs only without its sandbox. It visits nothing but our own pages.
  const args = [...QUIET.split(' '), ...(process.getuid() === 0 ? ['--no-sandbox'] : [])];
  return chromium.launch({ executablePath: onPath('chromium'), args });
}

/** Asks until the answer is yes. */
export async function until(what, isSo, { withinMs = 15_000, everyMs = 50 } = {}) {
  for (const start = performance.now(); !(await isSo()); await setTimeout(everyMs)) {
    if (performance.now() - start > withinMs) throw new Error(`not within ${withinMs} ms: ${what}`);
  }
}

/**
 * The errors of the console that nobody expected. A browser writes a line for each answer of 400 and more, whatever the page
 * makes of it, so those statuses that a test provokes are left out.
 */
function complaintsOf(page, refusals, expected) {
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (message.type() !== 'error') return;
    const status = /status of (\d+)/.exec(message.text())?.[1];
    if (refusals.includes(Number(status)) || expected?.test(message.text())) return;
    complaints.push(message.text());
  });
  return complaints;
}

/** One app at one address, seen through one browser. */
export class Visitor {
  constructor(browser, address, password) {
    Object.assign(this, { browser, address, password, tests: 0 });
  }

  /** A named check with a page of its own. `refusals` are the statuses that the page may get, `complaints` what its console may say. */
  test(name, work, { viewport = WIDE, colorScheme = 'light', refusals = [429], complaints: expected } = {}) {
    return check(name, async () => {
      // Each test is a client of its own, with the limits per client of its own.
      const extraHTTPHeaders = { 'X-Forwarded-For': `192.0.2.${++this.tests}` };
      const options = { baseURL: this.address, viewport, colorScheme, extraHTTPHeaders };
      const context = await this.browser.newContext(options);
      context.setDefaultTimeout(15_000);
      const page = await context.newPage();
      const complaints = complaintsOf(page, refusals, expected);
      try {
        await work(page, context);
        assert.deepEqual(complaints, []);
      } catch (error) {
        await page.screenshot({ path: join(PICTURES, `failed-${name.replace(/\W+/g, '-')}.png`) });
        throw error;
      } finally {
        await context.close();
      }
    });
  }

  async signIn(page) {
    await page.context().clearCookies();
    await page.goto('/admin/login');
    await page.getByLabel('Password').fill(this.password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Limited now' }).waitFor();
  }

  /** Signed in, without the page: for asking the routes themselves. */
  async asAdmin(context) {
    const response = await context.request.post('/api/admin/session', { data: { password: this.password } });
    assert.equal(response.status(), 204);
    return context.request;
  }

  /** Gives organizations their whole limits again. */
  async reset(context, ...organizations) {
    const request = await this.asAdmin(context);
    for (const id of organizations) {
      const response = await request.post('/admin/do/reset', { data: { subject: id } });
      assert.equal(response.status(), 200);
    }
  }
}

/** The number in an element, such as `1,234 found`. */
export async function numberIn(locator) {
  const text = (await locator.textContent()) ?? '';
  return Number(/[\d,]+/.exec(text)?.[0].replaceAll(',', '') ?? NaN);
}

export const countdownSeconds = async (locator) => {
  const parts = ((await locator.textContent()) ?? '').split(':').map(Number);
  return parts.reduce((sum, part) => 60 * sum + part, 0);
};
