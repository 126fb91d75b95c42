/**
 * `spillway/next`: limits in every place where Next.js receives a request. Server code of the Node.js runtime only;
 * nothing here imports `next` or React.
 */
export { checkAction } from './action';
export { rateLimitedApi } from './api';
export { withSpillway } from './config';
export { healthRoute } from './health';
export { checkRequest } from './request';
export { rateLimited } from './route';

export type { ActionState } from './action';
export type { ApiHandler, ApiRequest } from './api';
export type { Caller, CallerOf, LimitOptions, LimiterOfNext, PlanOf } from './options';
export type { HealthBody, HealthOptions } from './health';
export type { RouteHandler } from './route';
