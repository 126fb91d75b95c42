import type { Who } from '../rules/change';
import { failed, problem } from './answers';
import { Guard } from './guard';
import type { GuardSettings } from './options';

/** What a route is asked. */
export interface Asked {
  readonly url: URL;
  readonly request: Request;
  readonly who: Who;
  /** What stands behind the route's name, decoded. */
  readonly rest: string;
}

type Route = (asked: Asked) => Promise<Response> | Response;

/** By name, and by method; a name that ends in a slash has more of the path behind it. */
export interface RouteTable {
  readonly [name: string]: { readonly [method: string]: Route };
}

/** Routes below one path, for those alone whom `authorize` lets in. */
export class Router {
  private readonly guard: Guard;

  constructor(
    private readonly settings: GuardSettings & { readonly basePath: string },
    private readonly all: RouteTable,
  ) {
    this.guard = new Guard(settings);
  }

  async answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const [name, rest] = this.routeOf(url.pathname);
    const who = await this.guard.admit(request);
    if (who instanceof Response) return who;
    const route = name === undefined ? undefined : this.all[name];
    if (route === undefined) {
      const known = Object.keys(this.all).filter((one) => one !== '');
      return problem(
        404,
        'not-found',
        `There is no such route below ${this.settings.basePath || '/'}. Known are: ${known.join(', ')}.`,
      );
    }
    const act = route[request.method];
    if (act === undefined) {
      const allowed = Object.keys(route).join(', ');
      return problem(405, 'method-not-allowed', `This route takes ${allowed}.`, { Allow: allowed });
    }
    const refused = request.method === 'POST' ? this.guard.refusesPage(request) : undefined;
    if (refused !== undefined) return refused;
    try {
      return await act({ url, request, who, rest });
    } catch (error) {
      return failed(error);
    }
  }

  /** The name of a route, undefined where there is none, and what stands behind it. */
  routeOf(pathname: string): [string | undefined, string] {
    const { basePath } = this.settings;
    if (pathname !== basePath && !pathname.startsWith(`${basePath}/`)) return [undefined, ''];
    const path = pathname.slice(basePath.length + 1).replace(/\/$/, '');
    if (Object.hasOwn(this.all, path)) return [path, ''];
    const found = Object.keys(this.all).find((name) => name.endsWith('/') && path.startsWith(name));
    return found === undefined ? [undefined, ''] : [found, decoded(path.slice(found.length))];
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
