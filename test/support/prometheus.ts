import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { foreignEnv } from './foreign';
import { freePort } from './ports';
import { until } from './wait';

export interface Found {
  metric: Record<string, string>;
  value: number;
}

/** Debian's Prometheus on a free port, which scrapes what a function answers. */
export class PrometheusServer {
  private constructor(
    readonly port: number,
    private readonly folder: string,
    private readonly child: ChildProcess,
    private readonly shown: Server,
  ) {}

  static async scraping(text: () => Promise<string>, contentType: string): Promise<PrometheusServer> {
    const shown = createServer((_, response) => {
      void text().then((body) => response.setHeader('Content-Type', contentType).end(body));
    });
    shown.listen(0, '127.0.0.1');
    await once(shown, 'listening');
    const folder = mkdtempSync(join(tmpdir(), 'spillway-prometheus-'));
    const target = `127.0.0.1:${(shown.address() as AddressInfo).port}`;
    const config = {
      global: { scrape_interval: '200ms', scrape_timeout: '200ms' },
      scrape_configs: [{ job_name: 'app', static_configs: [{ targets: [target] }] }],
    };
    writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config));
    const port = await freePort();
    const args = [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ];
    const child = spawn('prometheus', args, { env: foreignEnv(), stdio: 'ignore' });
    return new PrometheusServer(port, folder, child, shown);
  }

  async query(expression: string): Promise<Found[]> {
    const url = `http://127.0.0.1:${this.port}/api/v1/query?query=${encodeURIComponent(expression)}`;
    const answer = (await (await fetch(url)).json()) as {
      data: { result: { metric: Record<string, string>; value: [number, string] }[] };
    };
    return answer.data.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
  }

  /** Until an expression has a value. */
  async seen(expression: string): Promise<Found[]> {
    let found: Found[] = [];
    const ask = async () => {
      found = await this.query(expression).catch(() => []);
      return found.length > 0;
    };
    await until(expression, ask, { withinMs: 20_000 });
    return found;
  }

  async close(): Promise<void> {
    const exited = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    await exited;
    this.shown.closeAllConnections();
    this.shown.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What promtool says; throws what it objects to. */
export function promtool(args: string[], input?: string): string {
  return execFileSync('promtool', args, {
    input,
    encoding: 'utf8',
    env: foreignEnv(),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}
