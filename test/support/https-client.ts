import { Agent, request } from 'node:https';
import type { IncomingHttpHeaders } from 'node:http';

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** A client of a site with a certificate of the test's own, at an address of this machine's loopback network. */
export class HttpsClient {
  private readonly agent: Agent;

  /** @param localAddress the address that the server sees, such as `127.0.0.2` */
  constructor(
    private readonly port: number,
    ca: string,
    localAddress: string,
  ) {
    this.agent = new Agent({ keepAlive: true, ca, localAddress });
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const { port, agent } = this;
      request({ host: '127.0.0.1', port, path, headers, agent, servername: 'localhost' }, (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (text: string) => (body += text));
        response.on('error', reject);
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        );
      })
        .on('error', reject)
        .end();
    });
  }

  close(): void {
    this.agent.destroy();
  }
}
