import { invalidOption } from '../base/errors';
import { openTelemetry } from '../base/lazy';
import type { OpenTelemetryApi } from './api';

/** The package itself. @throws RateLimitError `ERR_INVALID_OPTION` where it is not installed */
export function neededApi(what: string): OpenTelemetryApi {
  const api = openTelemetry();
  if (api !== undefined) return api as OpenTelemetryApi;
  throw invalidOption(`${what} needs @opentelemetry/api: npm install @opentelemetry/api.`);
}
