// Resolved in place of the package where code is built for the browser. The build stops at the name of this file:
// spillway runs on the server only. Import it in a route handler, a server action, a server component or proxy.ts, and not from a file with 'use client'.
module.exports = require('./spillway-runs-on-the-server-only--do-not-import-it-from-a-client-component');
