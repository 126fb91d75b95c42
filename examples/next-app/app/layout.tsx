import type { Metadata, Viewport } from 'next';
import { connection } from 'next/server';
import type { ReactNode } from 'react';
import { TopBar } from '@/components/top-bar';
import './globals.css';

export const metadata: Metadata = {
  title: { default: 'spillway: a limit being used up', template: '%s · spillway' },
  description: 'Send requests to rate limited routes and watch what they answer.',
};

export const viewport: Viewport = { colorScheme: 'light dark' };

export default async function RootLayout({ children }: { children: ReactNode }) {
  // Every answer has a nonce of its own (proxy.ts), so no page is made at build time.
  await connection();
  return (
    <html lang="en">
      <body>
        <TopBar />
        <main>{children}</main>
      </body>
    </html>
  );
}
