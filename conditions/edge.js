// Resolved in place of the package where code is built for the edge runtime, which cannot load native code. The build
// stops at the name of this file, which is what there is to say:
// spillway needs the Node.js runtime. In a route remove `runtime = 'edge'`; in middleware.ts add `runtime: 'nodejs'` to `config`, or use proxy.ts.
module.exports = require('./spillway-needs-the-nodejs-runtime--remove-runtime-edge-or-set-runtime-nodejs-in-the-config-of-middleware');
