/** `spillway/dashboard`: one page that shows who is limited, and lets whoever may lift it. */
export { createDashboard } from './dashboard';

export type { Dashboard, DashboardOptions, Link } from './options';
