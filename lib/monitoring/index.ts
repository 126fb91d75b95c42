/** `spillway/monitoring`: routes that show what a limiter does and let subjects go, for any server of `Request` and `Response`. */
export { createMonitoringRoutes } from './routes';

export type { Authorize, MonitoredLimiter, MonitoringOptions, MonitoringRoutes } from './options';
