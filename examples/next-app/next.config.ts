import type { NextConfig } from 'next';

const config: NextConfig = {
  // spillway holds a native addon: Next.js has to load it at run time instead of bundling it.
  serverExternalPackages: ['spillway'],
  // This folder is the whole project, although another lock file lies further up.
  outputFileTracingRoot: __dirname,
};

export default config;
