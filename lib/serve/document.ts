/** The OpenAPI document: what it says of bodies and queries is what is checked, and of decisions what is written. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

type Node = { readonly [name: string]: unknown };

interface Operation {
  readonly parameters?: readonly { name: string; in: string; schema: Node }[];
  readonly requestBody?: { content: { 'application/json': { schema: Node } } };
  readonly responses: { readonly [status: string]: Node };
}

/** As Fastify takes them. */
export interface RouteSchema {
  body?: Node;
  querystring?: Node;
  response?: { [status: string]: Node };
}

export class ApiDocument {
  private constructor(
    readonly text: string,
    private readonly root: Node,
  ) {}

  /** From the package; source and bundle stand equally deep in it. */
  static read(): ApiDocument {
    const text = readFileSync(join(__dirname, '../../schema/openapi.json'), 'utf8');
    return new ApiDocument(text, JSON.parse(text) as Node);
  }

  /** @param responses statuses whose bodies are written by their schema; others by JSON alone */
  schemaOf(path: string, method: 'get' | 'post', responses: readonly string[] = []): RouteSchema {
    const operation = (this.root['paths'] as { [path: string]: { [method: string]: Operation } })[path]?.[
      method
    ];
    if (operation === undefined) throw new Error(`schema/openapi.json has no ${method} ${path}.`);
    const body = operation.requestBody?.content['application/json'].schema;
    const query = operation.parameters?.filter((parameter) => parameter.in === 'query') ?? [];
    const bodyOf = (status: string) =>
      (operation.responses[status] as { content: { 'application/json': { schema: Node } } }).content[
        'application/json'
      ].schema;
    return {
      ...(body !== undefined && { body: this.resolved(body) }),
      ...(method === 'get' && {
        querystring: {
          type: 'object',
          additionalProperties: false,
          properties: Object.fromEntries(query.map(({ name, schema }) => [name, this.resolved(schema)])),
        },
      }),
      ...(responses.length > 0 && {
        response: Object.fromEntries(responses.map((status) => [status, this.resolved(bodyOf(status))])),
      }),
    };
  }

  /** With what is referred to in the place of references; there are no circles. */
  private resolved(node: Node): Node {
    return this.withReferences(node) as Node;
  }

  private withReferences(node: unknown): unknown {
    if (Array.isArray(node)) return node.map((one) => this.withReferences(one));
    if (typeof node !== 'object' || node === null) return node;
    const { $ref: reference } = node as { $ref?: unknown };
    if (typeof reference === 'string') return this.withReferences(this.at(reference));
    return Object.fromEntries(
      Object.entries(node).map(([name, value]) => [name, this.withReferences(value)]),
    );
  }

  private at(reference: string): unknown {
    return reference
      .slice('#/'.length)
      .split('/')
      .reduce<unknown>((node, name) => (node as Node)[name], this.root);
  }
}
