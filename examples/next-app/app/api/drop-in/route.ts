import { NextResponse } from 'next/server';
import { applyRateLimit } from 'spillway';
import '@/lib/redis';

// The shortest form: hand over the response, get it back with its headers, or a 429 in its place.
export async function GET() {
  return applyRateLimit(NextResponse.json({ orders: [] }), 'globex', 'FREE');
}
