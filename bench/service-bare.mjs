// Fastify by itself, for bench/service.mjs: the same body parsed, the same answer written by a schema, and nothing asked.
import { createRequire } from 'node:module';

const { fastify } = createRequire(import.meta.url)('fastify');
const document = createRequire(import.meta.url)('../schema/openapi.json');
const { Decision, RuleResult } = document.components.schemas;
const schema = {
  ...Decision,
  properties: { ...Decision.properties, rules: { type: 'array', items: RuleResult } },
};
const rule = {
  ...{
    rule: 'FREE',
    allowed: true,
    limit: 1_000_000_000,
    remaining: 999_999_999,
    resetTime: 1_800_000_000_000,
  },
  ...{ retryAfter: 0, algorithm: 'fixed-window', requests: 1_000_000_000, windowMs: 3_600_000 },
  ...{ subject: 'org-123', shadow: false, nearLimit: false },
};
const answer = {
  ...{ allowed: true, reason: 'ok', limit: rule.limit, remaining: rule.remaining, resetTime: rule.resetTime },
  ...{ retryAfter: 0, retryAfterMs: 0, nearLimit: false, rule: 'FREE', rules: [rule], source: 'redis' },
};
const app = fastify();
app.post('/v1/check', { schema: { response: { 200: schema } } }, () => Promise.resolve(answer));
await app.listen({ host: '127.0.0.1', port: 0 });
console.log(JSON.stringify({ event: 'started', port: app.server.address().port }));
