import type { NextConfig } from 'next';
import { withSpillway } from 'spillway/next';

const config: NextConfig = {
  // This folder is the whole project, although another lock file lies further up.
  outputFileTracingRoot: __dirname,
  // For images: a server with no more of node_modules than it needs. See examples/deploy/app/Dockerfile.
  output: process.env.NEXT_OUTPUT === 'standalone' ? 'standalone' : undefined,
  poweredByHeader: false,
  headers: async () => [
    {
      source: '/:path*',
      headers: [
        // What frame-ancestors says, for browsers that do not know it.
        { key: 'X-Frame-Options', value: 'DENY' },
        { key: 'X-Content-Type-Options', value: 'nosniff' },
        { key: 'Referrer-Policy', value: 'same-origin' },
      ],
    },
    {
      // Pages get theirs in proxy.ts.
      source: '/api/:path*',
      headers: [
        {
          key: 'Content-Security-Policy',
          value: "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
        },
      ],
    },
  ],
};

export default withSpillway(config);
