import type { NextConfig } from 'next';

const config: NextConfig = {
  // spillway holds a native addon: Next.js has to load it at run time instead of bundling it.
  serverExternalPackages: ['spillway'],
};

export default config;
